"""What every part of a picture is painted on."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from PIL import Image

from callboard_local.generator.painting import Colour, Point, Stencil, mix
from callboard_local.generator.palettes import Hour, Palette


@dataclass(frozen=True, slots=True)
class Canvas:
    """A picture, its light, and what is to be seen on it."""

    picture: Image.Image
    palette: Palette
    hour: Hour
    features: frozenset[str]
    rng: Callable[[str], Random]

    @property
    def width(self) -> int:
        """Pixels across."""
        return self.picture.width

    @property
    def height(self) -> int:
        """Pixels down."""
        return self.picture.height

    @property
    def dark(self) -> bool:
        """Whether it is so dark that lamps are needed."""
        return self.hour in {"night", "storm", "dusk"}

    def shines(self, *names: str) -> bool:
        """Tell whether lamps burn: in the dark, or if any of these is to be seen; never if they are said to be out."""
        return (self.dark or self.has(*names)) and not self.has("unlit")

    def has(self, *names: str) -> bool:
        """Tell whether any of these is to be seen."""
        return not self.features.isdisjoint(names)

    def at(self, across: float, down: float) -> Point:
        """Return a point by its shares of width and height."""
        return (across * self.width, down * self.height)

    def stencil(self, left: float = 0.0, top: float = 0.0, right: float = 1.0, bottom: float = 1.0) -> Stencil:
        """Return a stencil over a part of the picture, given in shares."""
        return Stencil(self.picture, (left * self.width, top * self.height, right * self.width, bottom * self.height))

    def away(self, distance: float) -> Colour:
        """Return the colour of land at a distance from 0, near, to 1, lost in haze."""
        return mix(self.palette.dark, mix(self.palette.ground, self.palette.haze, distance), 0.25 + 0.75 * distance)
