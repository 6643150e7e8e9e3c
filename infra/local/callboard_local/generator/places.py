"""The places there are."""

from collections.abc import Callable
from typing import Final, Literal

from callboard_local.generator import interiors, landscapes
from callboard_local.generator.canvas import Canvas

type Place = Literal[
    "sea", "city", "forest", "mountains", "desert", "field", "room", "lamp_room", "stairs", "letter", "portrait"
]

PAINTERS: Final[dict[Place, Callable[[Canvas], None]]] = {
    "sea": landscapes.paint_sea,
    "city": landscapes.paint_city,
    "forest": landscapes.paint_forest,
    "mountains": landscapes.paint_mountains,
    "desert": landscapes.paint_desert,
    "field": landscapes.paint_field,
    "room": interiors.paint_room,
    "lamp_room": interiors.paint_lamp_room,
    "stairs": interiors.paint_stairs,
    "letter": interiors.paint_letter,
    "portrait": interiors.paint_portrait,
}
# Rain and snow fall here.
OUTDOORS: Final[tuple[Place, ...]] = ("sea", "city", "forest", "mountains", "desert", "field", "portrait")
