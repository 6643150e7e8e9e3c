"""Pictures from words: what a prompt mentions decides the place, the hour, the weather and what stands in it.

The same words and seed always give the same picture; another seed gives another view of the same things.
"""

import hashlib
import io
import re
from dataclasses import dataclass
from random import Random

from PIL import Image

from callboard_local.generator.canvas import Canvas
from callboard_local.generator.painting import finish
from callboard_local.generator.palettes import Hour, palette_of
from callboard_local.generator.places import OUTDOORS, PAINTERS, Place
from callboard_local.generator.skies import paint_weather
from callboard_local.generator.title_card import set_title

# The first row that a prompt mentions counts; a storm rules the light whatever the hour.
HOURS: tuple[tuple[Hour, str], ...] = (
    ("storm", "storm stormy tempest gale squall hurricane thunder lightning"),
    ("night", "night midnight moon moonlight moonlit star stars starlit nocturnal dark darkness"),
    ("dawn", "dawn sunrise morning daybreak daybreaks early awakening"),
    ("dusk", "dusk sunset evening twilight golden nightfall ember"),
    ("overcast", "fog foggy mist misty overcast grey gray rain rainy drizzle snow snowy winter haze"),
    ("day", "day noon midday sunny afternoon bright summer clear blue"),
)
PLACE_WORDS: tuple[tuple[Place, str], ...] = (
    ("letter", "letter letters note envelope diary logbook page handwriting map postcard ink"),
    ("stairs", "stair stairs staircase spiral steps"),
    ("lamp_room", "lens fresnel lantern lamp-room lamproom lantern-room"),
    ("room", "room kitchen interior inside bedroom window desk table office chair cabin study bed hearth fireplace"),
    ("portrait", "portrait face closeup close-up eyes bust beard profile"),
    ("city", "city street skyline town downtown skyscraper rooftop neon tower-block urban alley"),
    ("forest", "forest wood woods tree trees jungle grove pine pines"),
    ("desert", "desert dune dunes sand sahara canyon"),
    ("mountains", "mountain mountains peak peaks alps alpine summit cliff cliffs valley glacier"),
    (
        "sea",
        "sea ocean wave waves coast coastal shore harbour harbor bay beach lighthouse boat ship sail sailing island "
        "water keeper sailor fishing gull gulls lake tide rock rocks pier",
    ),
    ("field", "field fields meadow hill hills farm prairie countryside grass wheat road path village house barn"),
)
FEATURE_WORDS: dict[str, str] = {
    "lighthouse": "lighthouse lighthouses beacon",
    "beam": "beam beams beacon lamp light lit shines shining sweeps glow",
    "boat": "boat boats ship ships vessel sail sailing sailboat schooner rowing dinghy trawler fishing ferry",
    "figure": "keeper man woman girl boy figure person people child sailor captain he she daughter son father mother "
    "stranger traveller traveler hero silhouette walker fisherman",
    "birds": "bird birds gull gulls seagull seagulls crow crows raven flock geese swallow",
    "house": "house cottage cabin hut farm barn village home chapel",
    "trees": "tree trees pine pines forest wood woods oak birch",
    "lamp": "lamp lantern candle lamplight light oil flame fire hearth",
    "letter": "letter letters note envelope diary logbook page map",
    "bridge": "bridge viaduct",
    "waves": "wave waves crash crashes crashing surf rough swell breakers breaking",
    "rain": "rain rainy raining downpour drizzle storm stormy thunder thunderstorm",
    "snow": "snow snowy snowing blizzard snowfall winter",
    "fog": "fog foggy mist misty haze hazy",
    "lightning": "lightning thunder thunderstorm bolt",
    "calm": "calm still quiet silent peaceful mirror glassy",
    "close": "close close-up closeup detail hand hands face macro",
    "moon": "moon moonlight moonlit crescent",
    "sun": "sun sunrise sunset sunny",
    "clouds": "cloud clouds cloudy",
}
ANYWHERE: tuple[Place, ...] = ("sea", "mountains", "field", "desert", "forest", "city")
WORD = re.compile(r"[a-z]+(?:-[a-z]+)*")


@dataclass(frozen=True, slots=True)
class Scene:
    """What a prompt asks for."""

    place: Place
    hour: Hour
    features: frozenset[str]
    seed: int
    digest: int

    def rng(self, subject: str) -> Random:
        """Return the source of chance for one part of the picture."""
        return Random(f"{self.digest}:{subject}")

    @property
    def slate(self) -> str:
        """The line above the title."""
        return f"{self.place.replace('_', ' ')}  /  {self.hour}  /  seed {self.seed}".upper()


def read_scene(prompt: str, seed: int) -> Scene:
    """Find out what a prompt asks for; what it leaves open is chosen by its words and the seed."""
    found = WORD.findall(prompt.lower())
    words = {part for word in found for part in (word, *word.split("-"))}
    digest = int.from_bytes(hashlib.sha256(f"{seed}:{' '.join(found)}:{prompt.strip()}".encode()).digest()[:8])
    rng = Random(f"{digest}:scene")
    features = frozenset(name for name, known in FEATURE_WORDS.items() if words & set(known.split()))
    place = next((name for name, known in PLACE_WORDS if words & set(known.split())), None) or rng.choice(ANYWHERE)
    hour = next((name for name, known in HOURS if words & set(known.split())), None)
    return Scene(place, hour or rng.choice(("dawn", "day", "dusk", "night")), features, seed, digest)


def paint_scene(scene: Scene, size: tuple[int, int]) -> Image.Image:
    """Paint a scene without its title."""
    picture = Image.new("RGB", size)
    palette = palette_of(scene.hour, scene.rng("palette"))
    canvas = Canvas(picture, palette, scene.hour, scene.features, scene.rng)
    PAINTERS[scene.place](canvas)
    if scene.place in OUTDOORS:
        paint_weather(canvas)
    return finish(picture, scene.rng("grain"))


def draw_scene(prompt: str, seed: int, width: int = 960, height: int = 540) -> bytes:
    """Draw the picture of a prompt as a PNG, with the prompt as its title card."""
    scene = read_scene(prompt, seed)
    picture = paint_scene(scene, (width, height))
    set_title(picture, prompt, scene.slate, palette_of(scene.hour, scene.rng("palette")).light)
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return file.getvalue()
