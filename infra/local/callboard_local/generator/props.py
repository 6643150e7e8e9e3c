"""Things that stand in a picture: a lighthouse, boats, people, houses, trees, birds.

Positions are pixels; `foot` is where a thing touches the ground; `size` is its height.
"""

import math
from random import Random

from callboard_local.generator.canvas import Canvas
from callboard_local.generator.painting import Colour, Point, Stencil, mix, ridge, shine
from callboard_local.generator.palettes import LAMP


def paint_lighthouse(canvas: Canvas, foot: Point, size: float, rng: Random) -> Point:
    """Paint a lighthouse; return where its lamp is."""
    x, y = foot
    palette = canvas.palette
    wide, slim = size * 0.115, size * 0.072
    gallery = y - size * 0.80
    day = 0.0 if canvas.dark else 1.0
    lit = mix(mix(palette.haze, (250, 246, 236), 0.35 + 0.5 * day), palette.dark, 0.42 - 0.36 * day)
    shaded = mix(lit, palette.dark, 0.62)
    band = mix((176, 46, 42), palette.dark, 0.55 - 0.45 * day)
    box = (x - size * 0.2, y - size * 1.04, x + size * 0.2, y + 2)
    tower = [(x - wide, y), (x - slim, gallery), (x + slim, gallery), (x + wide, y)]
    Stencil(canvas.picture, box).polygon(tower).paint(lit)
    striped = rng.random() < 0.7
    if striped:
        for number in range(1, 6, 2):
            top, bottom = number / 6, (number + 1) / 6
            half_top, half_bottom = slim + (wide - slim) * top, slim + (wide - slim) * bottom
            high, low = gallery + (y - gallery) * top, gallery + (y - gallery) * bottom
            Stencil(canvas.picture, box).polygon(
                [(x - half_bottom, low), (x - half_top, high), (x + half_top, high), (x + half_bottom, low)]
            ).paint(band)
    for share, opacity in ((0.1, 0.25), (0.42, 0.35), (0.7, 0.45)):
        side = [(x + slim * share, gallery), (x + slim, gallery), (x + wide, y), (x + wide * share, y)]
        Stencil(canvas.picture, box).polygon(side).paint(shaded, opacity, blur=size * 0.008)
    for step in range(3):
        level = gallery + (y - gallery) * (0.2 + step * 0.27)
        Stencil(canvas.picture, box).rectangle(x - size * 0.012, level, x + size * 0.012, level + size * 0.045).paint(
            LAMP if canvas.shines() and step == 1 else mix(palette.dark, palette.haze, 0.12)
        )
    metal = mix(palette.dark, palette.haze, 0.08)
    lamp = (x, gallery - size * 0.068)
    room = Stencil(canvas.picture, box)
    room.rectangle(x - slim * 0.72, gallery - size * 0.125, x + slim * 0.72, gallery)
    room.paint(mix(LAMP, palette.haze, 0.15) if canvas.shines() else mix(palette.haze, (255, 255, 250), 0.3))
    frame = Stencil(canvas.picture, box)
    frame.rectangle(x - slim * 1.5, gallery - size * 0.012, x + slim * 1.5, gallery + size * 0.012)
    frame.line([(x - slim * 1.45, gallery - size * 0.05), (x + slim * 1.45, gallery - size * 0.05)], size * 0.006)
    for post in (-1.42, -0.72, -0.24, 0.24, 0.72, 1.42):
        high = size * (0.05 if abs(post) > 1 else 0.125)
        frame.line([(x + slim * post, gallery - high), (x + slim * post, gallery)], size * 0.007)
    roof = gallery - size * 0.122
    frame.polygon(
        [
            (x - slim * 0.95, roof),
            (x - slim * 0.5, roof - size * 0.05),
            (x, roof - size * 0.075),
            (x + slim * 0.5, roof - size * 0.05),
            (x + slim * 0.95, roof),
        ]
    )
    frame.line([(x, roof - size * 0.06), (x, roof - size * 0.11)], size * 0.008)
    frame.paint(metal)
    return lamp


def paint_beam(canvas: Canvas, lamp: Point, rng: Random) -> None:
    """Paint the light that a lighthouse throws, both ways."""
    reach = canvas.width * 1.2
    tilt = rng.uniform(-0.13, 0.05)
    for side in (-1, 1):
        for spread, strength in ((0.105, 0.16), (0.06, 0.2), (0.024, 0.26)):
            angle = tilt if side > 0 else -tilt * 0.6
            ends = [
                (lamp[0] + side * reach * math.cos(angle + turn), lamp[1] + reach * math.sin(angle + turn))
                for turn in (-spread, spread)
            ]
            beam = canvas.stencil()
            beam.polygon([lamp, *ends])
            beam.light(mix(LAMP, (255, 250, 230), 0.4), strength, blur=2.0 + 30 * spread)
    shine(canvas.picture, lamp, canvas.height * 0.34, LAMP, 0.75, 2.6)
    shine(canvas.picture, lamp, canvas.height * 0.075, (255, 246, 220), 1.0, 1.4)


def paint_islet(canvas: Canvas, foot: Point, width: float, height: float, rng: Random, colour: Colour) -> None:
    """Paint a rock that rises out of the water."""
    x, y = foot
    crest = ridge(rng, 1.0, 0.0, 1.0, 0.52, 6)
    count = len(crest) - 1
    points: list[Point] = []
    for number, (share, level) in enumerate(crest):
        hump = math.sin(math.pi * number / count) ** 0.55
        points.append((x - width / 2 + share * width, y - height * hump * (0.72 + 0.34 * (-level))))
    box = (x - width / 2 - 2, y - height * 1.6, x + width / 2 + 2, y + height * 0.2)
    rock = Stencil(canvas.picture, box).polygon([*points, (x + width / 2, y + height * 0.1), (x - width / 2, y)])
    rock.shade([(0, mix(colour, canvas.palette.haze, 0.3)), (0.6, colour), (1, mix(colour, canvas.palette.dark, 0.7))])
    facets = Stencil(canvas.picture, box)
    for _ in range(14):
        share = rng.uniform(0.08, 0.85)
        number = int(share * count)
        top = points[number]
        drop = height * rng.uniform(0.25, 0.7)
        lean = width * rng.uniform(0.02, 0.07)
        facets.polygon([top, (top[0] + lean, top[1] + drop * 0.4), (top[0] + lean * 0.6, min(y, top[1] + drop))], 0.55)
    facets.paint(mix(colour, canvas.palette.dark, 0.6), 0.6)


def paint_boat(canvas: Canvas, foot: Point, size: float, rng: Random) -> None:
    """Paint a boat on the water: a sailing one or, smaller, a rowed one with somebody in it."""
    x, y = foot
    hull = mix(canvas.palette.dark, canvas.palette.ground, 0.25)
    sailing = canvas.has("boat") and rng.random() < 0.7
    length = size * (0.62 if sailing else 0.9)
    way = rng.choice((-1, 1))
    box = (x - size, y - size * 1.1, x + size, y + size * 0.7)
    if sailing:
        canvas_colour = mix(mix((240, 232, 214), canvas.palette.haze, 0.45), canvas.palette.dark, 0.5 * canvas.dark)
        mast = x + way * length * 0.06
        sails = Stencil(canvas.picture, box)
        sails.polygon(
            [
                (mast, y - size),
                (mast + way * size * 0.05, y - size * 0.5),
                (mast - way * length * 0.62, y - size * 0.2),
                (mast, y - size * 0.2),
            ]
        )
        sails.polygon(
            [
                (mast + way * 3, y - size * 0.86),
                (mast + way * length * 0.5, y - size * 0.16),
                (mast + way * 3, y - size * 0.22),
            ]
        )
        sails.shade(
            [
                (0, mix(canvas_colour, canvas.palette.haze, 0.2)),
                (0.6, canvas_colour),
                (1, mix(canvas_colour, hull, 0.5)),
            ]
        )
        Stencil(canvas.picture, box).line(
            [(mast, y - size * 1.04), (mast, y - size * 0.1)], max(1.2, size * 0.018)
        ).paint(hull)
    body = Stencil(canvas.picture, box)
    body.polygon(
        [
            (x - length * 0.55, y - size * 0.13),
            (x + length * 0.55, y - size * 0.15),
            (x + way * length * 0.44 + length * 0.02, y),
            (x + length * 0.3, y + size * 0.03),
            (x - length * 0.36, y + size * 0.03),
            (x - length * 0.46, y - size * 0.02),
        ]
    )
    if not sailing:
        body.ellipse((x, y - size * 0.34), size * 0.065)
        body.polygon(
            [
                (x - size * 0.1, y - size * 0.1),
                (x - size * 0.06, y - size * 0.27),
                (x + size * 0.07, y - size * 0.27),
                (x + size * 0.11, y - size * 0.1),
            ]
        )
        body.line(
            [(x - length * 0.55, y + size * 0.05), (x, y - size * 0.2), (x + length * 0.6, y + size * 0.06)],
            size * 0.022,
        )
    body.paint(hull)
    mirror = Stencil(canvas.picture, box)
    for number in range(7):
        level = y + size * (0.05 + 0.055 * number)
        half = length * (0.5 - 0.05 * number) * rng.uniform(0.7, 1.1)
        mirror.ellipse((x + rng.uniform(-3, 3), level), half, max(0.8, size * 0.012), 0.8 - 0.09 * number)
    mirror.paint(hull, 0.75)
    if canvas.dark:
        lamp = (x + way * length * 0.45, y - size * 0.28)
        shine(canvas.picture, lamp, size * 0.55, LAMP, 0.85, 2.4)
        shine(canvas.picture, (lamp[0], y + size * 0.18), size * 0.22, LAMP, 0.4, 2.0, squash=1.6)


def paint_figures(
    canvas: Canvas, foot: Point, size: float, rng: Random, *, lantern: bool, rim: Colour | None = None
) -> None:
    """Paint somebody, close by somebody else when the prompt speaks of several."""
    if canvas.has("company"):
        beside = (foot[0] + rng.choice((-1, 1)) * size * 0.2, foot[1] + size * 0.01)
        paint_figure(canvas, beside, size * 0.91, rng, lantern=False, rim=rim)
    paint_figure(canvas, foot, size, rng, lantern=lantern, rim=rim)


def paint_figure(
    canvas: Canvas, foot: Point, size: float, rng: Random, *, lantern: bool, rim: Colour | None = None
) -> None:
    """Paint somebody in a coat, seen from behind; `rim` is the light along the edge."""
    x, y = foot
    way = rng.choice((-1, 1))
    colour = mix(canvas.palette.dark, (0, 0, 0), 0.35)

    def place(across: float, up: float) -> Point:
        return (x + way * across * size, y - up * size)

    def body(shape: Stencil, shift: float = 0.0) -> Stencil:
        shape.polygon(
            [
                (px + shift, py)
                for px, py in (
                    place(-0.15, 0.08),
                    place(-0.135, 0.42),
                    place(-0.125, 0.66),
                    place(-0.115, 0.76),
                    place(-0.05, 0.83),
                    place(0.05, 0.83),
                    place(0.11, 0.77),
                    place(0.125, 0.66),
                    place(0.13, 0.42),
                    place(0.17, 0.1),
                    place(0.03, 0.065),
                )
            ]
        )
        shape.polygon(
            [
                (px + shift, py)
                for px, py in (place(-0.085, 0.1), place(-0.08, 0.0), place(-0.01, 0.0), place(-0.012, 0.1))
            ]
        )
        shape.polygon(
            [(px + shift, py) for px, py in (place(0.022, 0.1), place(0.03, 0.0), place(0.105, 0.0), place(0.09, 0.1))]
        )
        head = place(0.0, 0.895)
        shape.ellipse((head[0] + shift, head[1]), size * 0.058, size * 0.07)
        shape.polygon(
            [
                (px + shift, py)
                for px, py in (
                    place(-0.068, 0.915),
                    place(-0.058, 0.962),
                    place(0.0, 0.982),
                    place(0.058, 0.962),
                    place(0.088, 0.912),
                    place(0.0, 0.925),
                )
            ]
        )
        arm = (
            [place(0.1, 0.74), place(0.19, 0.56), place(0.225, 0.52)]
            if lantern
            else [place(0.1, 0.74), place(0.155, 0.5), place(0.145, 0.38)]
        )
        shape.line([(px + shift, py) for px, py in arm], size * 0.062)
        return shape

    box = (x - size * 0.5, y - size * 1.05, x + size * 0.5, y + size * 0.05)
    if rim is not None:
        body(Stencil(canvas.picture, box), -size * 0.009).paint(rim, 0.7)
    body(Stencil(canvas.picture, box)).paint(colour)
    if lantern:
        lamp = place(0.235, 0.42)
        shine(canvas.picture, lamp, size * 0.75, LAMP, 0.8, 2.5)
        holder = Stencil(canvas.picture, box)
        holder.rectangle(lamp[0] - size * 0.032, lamp[1] - size * 0.05, lamp[0] + size * 0.032, lamp[1] + size * 0.05)
        holder.paint(mix(LAMP, (255, 255, 240), 0.5))
        frame = Stencil(canvas.picture, box)
        for level in (-0.055, 0.055):
            frame.rectangle(
                lamp[0] - size * 0.042,
                lamp[1] + size * (level - 0.009),
                lamp[0] + size * 0.042,
                lamp[1] + size * (level + 0.009),
            )
        frame.line([(lamp[0], lamp[1] - size * 0.06), place(0.225, 0.52)], size * 0.012)
        frame.paint(colour)


def paint_birds(canvas: Canvas, rng: Random) -> None:
    """Paint a loose flock against the sky."""
    flock = canvas.stencil(0, 0, 1, 0.6)
    middle = (rng.uniform(0.2, 0.8), rng.uniform(0.14, 0.34))
    for _ in range(rng.randint(6, 13)):
        x, y = canvas.at(middle[0] + rng.gauss(0, 0.1), middle[1] + rng.gauss(0, 0.055))
        span = canvas.height * rng.uniform(0.008, 0.024)
        lift = rng.uniform(0.25, 0.75)
        flock.line(
            [
                (x - span, y - span * lift),
                (x - span * 0.45, y - span * lift * 0.9),
                (x, y),
                (x + span * 0.45, y - span * lift),
                (x + span, y - span * lift * 0.8),
            ],
            max(1.0, span * 0.14),
        )
    flock.paint(mix(canvas.palette.dark, canvas.palette.haze, 0.15), 0.9)


def paint_house(canvas: Canvas, foot: Point, size: float, rng: Random) -> None:
    """Paint a small house with a lit window."""
    x, y = foot
    wall = mix(canvas.palette.dark, mix(canvas.palette.haze, (236, 226, 206), 0.4), 0.18 if canvas.dark else 0.62)
    roof = mix(canvas.palette.dark, (120, 62, 48), 0.2 if canvas.dark else 0.45)
    long = size * rng.uniform(1.2, 1.6)
    box = (x - long, y - size * 1.3, x + long, y + 2)
    Stencil(canvas.picture, box).rectangle(x - long / 2, y - size * 0.55, x + long / 2, y).paint(wall)
    Stencil(canvas.picture, box).rectangle(x + long * 0.22, y - size * 1.12, x + long * 0.32, y - size * 0.7).paint(
        roof
    )
    Stencil(canvas.picture, box).polygon(
        [
            (x - long * 0.56, y - size * 0.53),
            (x - long * 0.4, y - size),
            (x + long * 0.4, y - size),
            (x + long * 0.56, y - size * 0.53),
        ]
    ).paint(roof)
    glass = mix(LAMP, (255, 240, 200), 0.3) if canvas.dark else mix(canvas.palette.haze, canvas.palette.dark, 0.55)
    for share in (-0.3, 0.08, 0.32):
        Stencil(canvas.picture, box).rectangle(
            x + long * share - size * 0.075, y - size * 0.4, x + long * share + size * 0.075, y - size * 0.19
        ).paint(glass)
    Stencil(canvas.picture, box).rectangle(x - long * 0.14, y - size * 0.36, x - long * 0.03, y).paint(roof)
    if canvas.dark:
        shine(canvas.picture, (x + long * 0.1, y - size * 0.28), size * 0.95, LAMP, 0.42, 2.2)


def paint_conifers(
    canvas: Canvas, line: list[Point], size: float, colour: Colour, rng: Random, spacing: float = 0.34
) -> None:
    """Paint a row of firs along a line."""
    left, right = line[0][0], line[-1][0]
    top = min(point[1] for point in line) - size * 1.5
    bottom = max(point[1] for point in line) + size * 0.1
    row = Stencil(canvas.picture, (left, top, right, bottom))
    x = left
    while x < right:
        share = (x - left) / max(1.0, right - left)
        y = line[min(len(line) - 1, int(share * len(line)))][1]
        tall = size * rng.uniform(0.6, 1.35)
        half = tall * rng.uniform(0.15, 0.21)
        points: list[Point] = [(x, y - tall)]
        tiers = 6
        for tier in range(1, tiers + 1):
            reach = half * tier / tiers
            level = y - tall + tall * 0.93 * tier / tiers
            points += [(x + reach * rng.uniform(0.85, 1.15), level), (x + reach * 0.52, level - tall * 0.02)]
        mirrored = [(2 * x - px, py) for px, py in reversed(points[1:])]
        row.polygon([*points, (x, y + size * 0.02), *mirrored])
        x += size * spacing * rng.uniform(0.5, 1.3)
    row.paint(colour)


def paint_bare_tree(canvas: Canvas, foot: Point, size: float, colour: Colour, rng: Random, crown: bool) -> None:
    """Paint one tree with spreading branches, with leaves or without."""
    box = (foot[0] - size, foot[1] - size * 1.2, foot[0] + size, foot[1] + 2)
    shape = Stencil(canvas.picture, box)
    tips: list[Point] = []

    def grow(start: Point, angle: float, length: float, thick: float, depth: int) -> None:
        end = (start[0] + math.cos(angle) * length, start[1] + math.sin(angle) * length)
        shape.line([start, end], max(0.8, thick))
        if depth == 0:
            tips.append(end)
            return
        for turn in (rng.uniform(-0.65, -0.2), rng.uniform(0.2, 0.65)):
            grow(end, angle + turn, length * rng.uniform(0.66, 0.84), thick * 0.64, depth - 1)

    grow(foot, -math.pi / 2 + rng.uniform(-0.1, 0.1), size * 0.27, size * 0.05, 6)
    shape.paint(colour)
    if crown:
        leaves = Stencil(canvas.picture, box)
        for tip in tips:
            leaves.ellipse((tip[0] + rng.gauss(0, 3), tip[1] + rng.gauss(0, 3)), size * rng.uniform(0.03, 0.065))
        leaves.paint(mix(colour, canvas.palette.ground, 0.35), 0.9)
