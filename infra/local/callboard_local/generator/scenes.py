"""Pictures from words: what a prompt mentions decides the place, the hour, the weather and what stands in it.

The same words and seed always give the same picture; another seed gives another view of the same things.
"""

import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from PIL import Image

from callboard_local.generator.canvas import Canvas
from callboard_local.generator.painting import finish
from callboard_local.generator.palettes import Hour, palette_of
from callboard_local.generator.places import OUTDOORS, PAINTERS, Place
from callboard_local.generator.skies import paint_weather
from callboard_local.generator.title_card import set_title

HOURS: tuple[tuple[Hour, str], ...] = (
    ("storm", "storm stormy tempest gale squall hurricane thunder lightning"),
    ("night", "night midnight moon moonlight moonlit star stars starlit nocturnal dark darkness"),
    ("dawn", "dawn sunrise morning daybreak daybreaks early awakening"),
    ("dusk", "dusk sunset evening twilight golden nightfall ember"),
    ("day", "day noon midday sunny afternoon bright summer clear blue"),
    ("overcast", "fog foggy mist misty overcast grey gray rain rainy drizzle snow snowy winter haze"),
)
PLACE_WORDS: tuple[tuple[Place, str], ...] = (
    ("letter", "letter letters note envelope diary logbook page handwriting map postcard ink"),
    ("stairs", "stair stairs staircase spiral steps"),
    ("lamp_room", "lens fresnel lamp-room lantern-room lamproom"),
    ("room", "room kitchen interior inside bedroom window desk table office chair study bed hearth fireplace"),
    ("portrait", "portrait face closeup close-up eyes bust beard profile"),
    (
        "city",
        "city street skyline town downtown skyscraper rooftop neon tower-block urban alley market square plaza avenue",
    ),
    ("forest", "forest wood woods jungle grove pine pines"),
    ("desert", "desert dune dunes sand sahara canyon"),
    ("mountains", "mountain mountains peak peaks alps alpine summit cliff cliffs valley glacier"),
    (
        "sea",
        "sea ocean wave waves coast coastal shore harbour harbor bay beach lighthouse boat ship sail sailing island "
        "water keeper sailor fishing gull gulls lake tide rock rocks pier",
    ),
    ("field", "field fields meadow hill hills farm prairie countryside grass wheat road path village house barn cabin"),
)
FEATURE_WORDS: dict[str, str] = {
    "lighthouse": "lighthouse lighthouses beacon",
    "beam": "beam beams beacon lamp light lit shines shining sweeps glow",
    "boat": "boat boats ship ships vessel sail sailing sailboat schooner rowing dinghy trawler fishing ferry",
    "figure": "keeper keepers man men woman women girl boy figure figures person people child children sailor "
    "sailors captain he she daughter son father mother stranger traveller traveler hero silhouette walker fisherman "
    "rider riders crowd",
    "company": "figures people couple children keepers sailors men women riders crowd together embrace embraces",
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
ANY_HOUR: tuple[Hour, ...] = ("dawn", "day", "dusk", "night")
WORD = re.compile(r"[a-z]+(?:-[a-z]+)*")
# What is named is still to be seen then, but does not shine.
UNLIT = re.compile(
    r"\b(?:lamp|lantern|light|lighthouse|beam|beacon|candle|flame)s? (?:(?:is|are|has|have|just|slowly) )*"
    r"(?:goes|go|went|gone|going|put|blown|burnt|burned) out\b|\b(?:unlit|extinguish(?:es|ed)?)\b"
)
PARAGRAPH = re.compile(r"\n\s*\n")


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
    """Find out what a prompt asks for; what it leaves open is chosen by its words and the seed.

    The first paragraph says what is to be seen. What follows, such as the mood of a whole production, is no part of
    the scene: a storm that is spoken of there is not in every picture.
    """
    subject = subject_of(prompt).lower()
    found = WORD.findall(subject)
    # Two words may be one of ours: "lamp room".
    words = [part for word in found for part in (word, *word.split("-"))] + ["-".join(pair) for pair in pairwise(found)]
    digest = int.from_bytes(hashlib.sha256(f"{seed}:{' '.join(found)}:{prompt.strip()}".encode()).digest()[:8])
    rng = Random(f"{digest}:scene")
    features = frozenset(name for name, known in FEATURE_WORDS.items() if not set(known.split()).isdisjoint(words))
    if UNLIT.search(" ".join(subject.split())):
        features |= {"unlit"}
    anywhere, any_hour = rng.choice(ANYWHERE), rng.choice(ANY_HOUR)
    return Scene(_place_of(words, anywhere), _hour_of(words, any_hour), features, seed, digest)


def subject_of(prompt: str) -> str:
    """Return the first paragraph of a prompt."""
    return PARAGRAPH.split(prompt.strip(), maxsplit=1)[0]


def _place_of(words: Sequence[str], otherwise: Place) -> Place:
    """Return the place that most words speak of."""
    hits = [(len(set(known.split()).intersection(words)), name) for name, known in PLACE_WORDS]
    most = max(count for count, _ in hits)
    return next(name for count, name in hits if count == most) if most else otherwise


def _hour_of(words: Sequence[str], otherwise: Hour) -> Hour:
    """Return the hour that is spoken of first; a storm rules the light at any hour, a grey sky only without one."""
    hours = {word: name for name, known in HOURS for word in known.split()}
    spoken = [hours[word] for word in words if word in hours]
    if "storm" in spoken:
        return "storm"
    clear = [hour for hour in spoken if hour != "overcast"]
    return (clear or spoken or [otherwise])[0]


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
    """Draw the picture of a prompt as a PNG, with what is to be seen as its title card."""
    scene = read_scene(prompt, seed)
    picture = paint_scene(scene, (width, height))
    set_title(picture, subject_of(prompt), scene.slate, palette_of(scene.hour, scene.rng("palette")).light)
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return file.getvalue()
