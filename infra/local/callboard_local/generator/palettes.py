"""Colours of the hours: what the sky, the light and the distance look like."""

from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from callboard_local.generator.painting import Colour, mix

type Hour = Literal["night", "dawn", "day", "dusk", "storm", "overcast"]


@dataclass(frozen=True, slots=True)
class Palette:
    """`sky` runs from the zenith to the horizon."""

    sky: tuple[Colour, Colour, Colour, Colour]
    light: Colour
    cloud: Colour
    shadow: Colour
    ground: Colour
    dark: Colour
    water: Colour

    @property
    def haze(self) -> Colour:
        """What the distance fades into."""
        return self.sky[3]


LAMP: Colour = (255, 206, 128)

PALETTES: dict[Hour, tuple[Palette, ...]] = {
    "night": (
        Palette(
            ((5, 9, 26), (12, 24, 54), (28, 50, 92), (66, 92, 128)),
            (206, 220, 255),
            (66, 84, 122),
            (12, 18, 40),
            (18, 26, 44),
            (4, 7, 16),
            (10, 22, 46),
        ),
        Palette(
            ((12, 6, 30), (30, 18, 62), (66, 40, 96), (122, 78, 122)),
            (255, 226, 206),
            (98, 70, 120),
            (20, 12, 38),
            (30, 20, 46),
            (8, 5, 18),
            (26, 18, 54),
        ),
        Palette(
            ((3, 14, 24), (6, 36, 50), (18, 74, 84), (78, 132, 124)),
            (224, 255, 236),
            (44, 96, 104),
            (6, 22, 32),
            (10, 32, 38),
            (2, 10, 14),
            (6, 34, 44),
        ),
    ),
    "dawn": (
        Palette(
            ((42, 54, 104), (120, 102, 146), (232, 148, 128), (255, 214, 156)),
            (255, 226, 172),
            (255, 184, 158),
            (98, 80, 124),
            (66, 58, 84),
            (24, 22, 42),
            (58, 66, 108),
        ),
        Palette(
            ((66, 108, 150), (142, 166, 186), (240, 190, 162), (255, 226, 186)),
            (255, 236, 198),
            (255, 214, 190),
            (118, 120, 146),
            (74, 82, 96),
            (28, 36, 50),
            (74, 110, 138),
        ),
        Palette(
            ((54, 42, 88), (136, 84, 126), (242, 128, 132), (255, 196, 164)),
            (255, 214, 178),
            (255, 170, 164),
            (92, 62, 104),
            (62, 44, 72),
            (24, 16, 34),
            (70, 54, 102),
        ),
    ),
    "day": (
        Palette(
            ((38, 98, 168), (90, 152, 206), (158, 202, 226), (224, 236, 230)),
            (255, 248, 222),
            (255, 255, 252),
            (150, 172, 196),
            (92, 120, 84),
            (30, 48, 50),
            (34, 98, 134),
        ),
        Palette(
            ((52, 120, 160), (120, 178, 190), (196, 220, 206), (246, 236, 206)),
            (255, 242, 200),
            (255, 250, 238),
            (164, 176, 178),
            (124, 122, 74),
            (44, 50, 40),
            (42, 118, 132),
        ),
    ),
    "dusk": (
        Palette(
            ((28, 26, 70), (98, 50, 106), (212, 88, 88), (255, 172, 96)),
            (255, 190, 110),
            (255, 134, 104),
            (74, 40, 84),
            (52, 34, 58),
            (18, 12, 28),
            (66, 40, 84),
        ),
        Palette(
            ((20, 40, 74), (64, 82, 112), (196, 122, 84), (255, 200, 110)),
            (255, 208, 128),
            (246, 160, 104),
            (52, 56, 84),
            (46, 44, 54),
            (14, 18, 26),
            (40, 58, 82),
        ),
        Palette(
            ((46, 20, 56), (124, 38, 82), (222, 72, 74), (255, 148, 84)),
            (255, 172, 108),
            (255, 108, 92),
            (84, 28, 66),
            (58, 26, 46),
            (22, 8, 22),
            (88, 32, 66),
        ),
    ),
    "storm": (
        Palette(
            ((18, 22, 30), (38, 48, 58), (74, 88, 94), (128, 138, 134)),
            (214, 226, 226),
            (116, 130, 136),
            (20, 26, 34),
            (38, 46, 50),
            (10, 13, 18),
            (26, 44, 52),
        ),
        Palette(
            ((20, 18, 32), (46, 44, 66), (88, 86, 106), (150, 140, 142)),
            (226, 218, 232),
            (130, 124, 144),
            (24, 22, 38),
            (44, 40, 54),
            (12, 11, 20),
            (34, 38, 62),
        ),
    ),
    "overcast": (
        Palette(
            ((116, 130, 142), (150, 162, 170), (186, 194, 196), (216, 218, 212)),
            (250, 248, 238),
            (226, 230, 230),
            (120, 132, 142),
            (98, 106, 102),
            (40, 48, 52),
            (92, 112, 122),
        ),
        Palette(
            ((92, 108, 116), (136, 150, 150), (182, 190, 178), (220, 218, 196)),
            (252, 246, 222),
            (224, 224, 210),
            (104, 116, 118),
            (96, 98, 80),
            (38, 42, 38),
            (84, 104, 104),
        ),
    ),
}


def palette_of(hour: Hour, rng: Random) -> Palette:
    """Choose one of an hour's palettes and tint it slightly, so that no two pictures have quite the same air."""
    palette = rng.choice(PALETTES[hour])
    tint = (rng.randrange(256), rng.randrange(256), rng.randrange(256))
    share = rng.uniform(0.0, 0.09)
    top, high, low, horizon = (mix(colour, tint, share) for colour in palette.sky)
    return replace(palette, sky=(top, high, low, horizon), water=mix(palette.water, tint, share))
