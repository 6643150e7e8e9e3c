"""Drawing with light: gradients, soft noise, anti-aliased silhouettes and glows, all from Pillow alone."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

type Colour = tuple[int, int, int]
type Point = tuple[float, float]
type Size = tuple[int, int]

# Silhouettes are drawn this much larger and then reduced, which smooths their edges.
OVERSAMPLING = 2


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Blend two colours; a share of 0 is the first one."""
    return (
        round(one[0] + (other[0] - one[0]) * share),
        round(one[1] + (other[1] - one[1]) * share),
        round(one[2] + (other[2] - one[2]) * share),
    )


def vertical(size: Size, stops: Sequence[tuple[float, Colour]]) -> Image.Image:
    """Return a gradient from top to bottom; stops are (share of the height, colour) in order."""
    width, height = max(1, size[0]), max(1, size[1])
    steps = 256
    column = Image.new("RGB", (1, steps))
    pixels: list[Colour] = []
    position = 0
    for step in range(steps):
        share = step / (steps - 1)
        while position < len(stops) - 2 and share > stops[position + 1][0]:
            position += 1
        (start, one), (end, other) = stops[position], stops[min(position + 1, len(stops) - 1)]
        pixels.append(mix(one, other, min(1.0, max(0.0, (share - start) / max(1e-6, end - start)))))
    column.putdata(pixels)
    return column.resize((width, height), Image.Resampling.BICUBIC)


def noise(size: Size, rng: Random, cells: Size, octaves: int = 4, gain: float = 0.5) -> Image.Image:
    """Return soft noise in greys: sums of ever finer random grids, the first one of `cells`."""
    # Nobody sees the missing detail, and a quarter of the pixels takes a quarter of the time.
    small = (max(2, size[0] // 2), max(2, size[1] // 2))
    total: Image.Image | None = None
    across, down = cells
    weight, sum_of_weights = 1.0, 0.0
    for _ in range(octaves):
        across, down = min(across, small[0]), min(down, small[1])
        grid = Image.frombytes("L", (across, down), rng.randbytes(across * down))
        layer = grid.resize(small, Image.Resampling.BICUBIC)
        sum_of_weights += weight
        total = layer if total is None else Image.blend(total, layer, weight / sum_of_weights)
        weight *= gain
        across, down = across * 2, down * 2
    assert total is not None
    return total.resize(size, Image.Resampling.BILINEAR)


def curve(mask: Image.Image, function: Callable[[float], float]) -> Image.Image:
    """Map the greys of a mask through a function over 0 to 1."""
    return mask.point([round(255 * min(1.0, max(0.0, function(value / 255)))) for value in range(256)])


def threshold(mask: Image.Image, low: float, high: float, strength: float = 1.0) -> Image.Image:
    """Stretch the greys from `low` to `high` over the whole range, smoothly."""

    def step(value: float) -> float:
        share = min(1.0, max(0.0, (value - low) / (high - low)))
        return strength * share * share * (3 - 2 * share)

    return curve(mask, step)


def fade(size: Size, stops: Sequence[tuple[float, float]]) -> Image.Image:
    """Return a mask from top to bottom; stops are (share of the height, opacity)."""
    greys = [(at, (round(255 * opacity),) * 3) for at, opacity in stops]
    return vertical(size, [(at, (grey[0], grey[0], grey[0])) for at, grey in greys]).getchannel(0)


def radial(size: Size, power: float = 2.0, strength: float = 1.0) -> Image.Image:
    """Return a mask that is bright in the middle and fades to nothing at the edge of the inscribed ellipse."""
    # Pillow's gradient ends at the corners.
    disc = curve(Image.radial_gradient("L"), lambda value: strength * max(0.0, 1 - value * math.sqrt(2)) ** power)
    return disc.resize((max(2, size[0]), max(2, size[1])), Image.Resampling.BICUBIC)


def shine(
    picture: Image.Image,
    centre: Point,
    radius: float,
    colour: Colour,
    strength: float = 1.0,
    power: float = 2.0,
    squash: float = 1.0,
) -> None:
    """Add a glow: light that only ever brightens."""
    across, down = round(radius), round(radius * squash)
    mask = radial((2 * across, 2 * down), power, strength)
    screen(picture, mask, (round(centre[0]) - across, round(centre[1]) - down), colour)


def screen(picture: Image.Image, mask: Image.Image, at: tuple[int, int], colour: Colour) -> None:
    """Add light of one colour through a mask whose corner is placed at `at`, which may lie outside."""
    left, top = max(0, at[0]), max(0, at[1])
    right, bottom = min(picture.width, at[0] + mask.width), min(picture.height, at[1] + mask.height)
    if left >= right or top >= bottom:
        return
    part = mask.crop((left - at[0], top - at[1], right - at[0], bottom - at[1]))
    light = Image.merge("RGB", [part.point([value * level // 255 for value in range(256)]) for level in colour])
    below = picture.crop((left, top, right, bottom))
    picture.paste(ImageChops.screen(below, light), (left, top))


class Stencil:
    """A shape cut out in picture coordinates, to be painted through; its box bounds the work."""

    def __init__(self, picture: Image.Image, box: tuple[float, float, float, float]) -> None:
        self._picture = picture
        self._left, self._top = max(0, math.floor(box[0])), max(0, math.floor(box[1]))
        right = max(self._left + 1, min(picture.width, math.ceil(box[2])))
        bottom = max(self._top + 1, min(picture.height, math.ceil(box[3])))
        self.size = (right - self._left, bottom - self._top)
        self._mask = Image.new("L", (self.size[0] * OVERSAMPLING, self.size[1] * OVERSAMPLING))
        self._draw = ImageDraw.Draw(self._mask)

    def polygon(self, points: Sequence[Point], opacity: float = 1.0) -> "Stencil":
        """Cut a polygon."""
        self._draw.polygon([self._at(point) for point in points], fill=round(255 * opacity))
        return self

    def rectangle(self, left: float, top: float, right: float, bottom: float, opacity: float = 1.0) -> "Stencil":
        """Cut a rectangle."""
        return self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], opacity)

    def ellipse(self, centre: Point, across: float, down: float | None = None, opacity: float = 1.0) -> "Stencil":
        """Cut an ellipse with the given half axes."""
        down = across if down is None else down
        corner, opposite = (
            self._at((centre[0] - across, centre[1] - down)),
            self._at((centre[0] + across, centre[1] + down)),
        )
        self._draw.ellipse((*corner, *opposite), fill=round(255 * opacity))
        return self

    def line(self, points: Sequence[Point], width: float, opacity: float = 1.0) -> "Stencil":
        """Cut a line."""
        self._draw.line(
            [self._at(point) for point in points],
            fill=round(255 * opacity),
            width=max(1, round(width * OVERSAMPLING)),
            joint="curve",
        )
        return self

    def mask(self, blur: float = 0.0) -> Image.Image:
        """Return the shape as a mask of the box."""
        mask = self._mask.reduce(OVERSAMPLING)
        return mask.filter(ImageFilter.GaussianBlur(blur)) if blur else mask

    def paint(self, fill: Colour | Image.Image, opacity: float = 1.0, blur: float = 0.0) -> None:
        """Paint a colour, or an image of the box's size, through the shape."""
        mask = self.mask(blur)
        if opacity < 1:
            mask = mask.point([round(value * opacity) for value in range(256)])
        if isinstance(fill, Image.Image):
            self._picture.paste(fill, (self._left, self._top), mask)
        else:
            self._picture.paste(
                fill, (self._left, self._top, self._left + self.size[0], self._top + self.size[1]), mask
            )

    def shade(self, stops: Sequence[tuple[float, Colour]]) -> None:
        """Paint a gradient from the top to the bottom of the box."""
        self.paint(vertical(self.size, stops))

    def light(self, colour: Colour, strength: float = 1.0, blur: float = 0.0) -> None:
        """Add light through the shape."""
        mask = self.mask(blur)
        if strength < 1:
            mask = mask.point([round(value * strength) for value in range(256)])
        screen(self._picture, mask, (self._left, self._top), colour)

    def _at(self, point: Point) -> Point:
        return ((point[0] - self._left) * OVERSAMPLING, (point[1] - self._top) * OVERSAMPLING)


def ridge(
    rng: Random, width: float, base: float, height: float, roughness: float = 0.55, levels: int = 7
) -> list[Point]:
    """Return a jagged line from left to right by midpoint displacement."""
    heights = [rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5)]
    swing = 1.0
    for _ in range(levels):
        swing *= roughness
        finer: list[float] = []
        for one, other in pairwise(heights):
            finer += [one, (one + other) / 2 + rng.uniform(-swing, swing)]
        heights = [*finer, heights[-1]]
    step = width / (len(heights) - 1)
    return [(number * step, base - height * (0.5 + value)) for number, value in enumerate(heights)]


def peaks(rng: Random, width: float, base: float, height: float, count: int, *, smooth: bool = False) -> list[Point]:
    """Return a line of summits and saddles from left to right: broken up rock or, if smooth, hollow slopes of sand."""
    marks: list[Point] = []
    x = -width * rng.uniform(0.0, 0.2)
    high = rng.random() < 0.5
    while x < width * 1.7:
        marks.append((x, base - height * (rng.uniform(0.62, 1.0) if high else rng.uniform(0.2, 0.5))))
        x += width / count * rng.uniform(0.32, 0.68)
        high = not high
    points: list[Point] = []
    for step in range(161):
        at = width * step / 160
        one, other = next((pair for pair in pairwise(marks) if pair[0][0] <= at <= pair[1][0]), (marks[0], marks[-1]))
        share = (at - one[0]) / max(1.0, other[0] - one[0])
        if smooth:
            share = share**1.8 if other[1] < one[1] else 1 - (1 - share) ** 1.8
            points.append((at, one[1] + (other[1] - one[1]) * share))
            continue
        level = one[1] + (other[1] - one[1]) * share
        points.append((at, level + rng.uniform(-1, 1) * height * 0.022 + math.sin(at * 0.06) * height * 0.012))
    return points


def swell(rng: Random, width: float, base: float, height: float, length: float, sharpness: float = 1.0) -> list[Point]:
    """Return a rolling line from left to right: hills, dunes or, with more sharpness, wave crests."""
    parts = [
        (rng.uniform(0.6, 1.0) / (number + 1), length / (1 + number * 0.9), rng.uniform(0, math.tau))
        for number in range(4)
    ]
    total = sum(part[0] for part in parts)
    points: list[Point] = []
    steps = 160
    for step in range(steps + 1):
        x = width * step / steps
        level = 0.0
        for weight, wave, phase in parts:
            level += (
                weight * (1 - abs(math.sin(math.pi * x / wave + phase))) ** sharpness
                if sharpness != 1.0
                else (weight * (0.5 + 0.5 * math.sin(math.tau * x / wave + phase)))
            )
        points.append((x, base - height * level / total))
    return points


def far_sides(line: Sequence[Point], depth: float, way: int, rng: Random, reach: int = 7) -> list[list[Point]]:
    """Return the faces of a crest that look to the right (`way` 1) or the left (-1): from each top down to the dip.

    `depth` is how far a face comes down below its top; `reach` how many points a top must stand out among.
    """
    points = list(line) if way > 0 else list(reversed(line))
    faces: list[list[Point]] = []
    for number in range(1, len(points) - 2):
        around = points[max(0, number - reach) : number + reach + 1]
        if points[number][1] > min(point[1] for point in around):
            continue
        end = number
        while end < len(points) - 1 and points[min(len(points) - 1, end + 3)][1] > points[end][1]:
            end += 1
        if end - number < 3:
            continue
        top, dip = points[number], points[end]
        foot = (top[0] + (dip[0] - top[0]) * rng.uniform(0.0, 0.25), max(top[1] + depth, dip[1]))
        wander = [
            (
                foot[0] + (top[0] - foot[0]) * share + way * depth * 0.1 * math.sin(share * 9.0 + number) * (1 - share),
                foot[1] + (top[1] - foot[1]) * share,
            )
            for share in (0.0, 0.2, 0.4, 0.6, 0.8)
        ]
        faces.append([*points[number : end + 1], *wander])
    return faces


def finish(picture: Image.Image, rng: Random, grain: float = 0.035) -> Image.Image:
    """Darken the corners a little and add film grain."""
    size = picture.size
    corners = curve(Image.radial_gradient("L"), lambda value: 0.62 * max(0.0, value - 0.42) ** 1.4).resize(
        size, Image.Resampling.BICUBIC
    )
    picture.paste((4, 5, 9), (0, 0, *size), corners)
    half = (max(1, size[0] * 2 // 3), max(1, size[1] * 2 // 3))
    grey = Image.frombytes("L", half, rng.randbytes(half[0] * half[1])).resize(size, Image.Resampling.BILINEAR)
    low, high = round(255 * (0.5 - grain)), round(255 * (0.5 + grain))
    soft = curve(grey, lambda value: (low + (high - low) * value) / 255)
    return ImageChops.overlay(picture, Image.merge("RGB", (soft, soft, soft)))
