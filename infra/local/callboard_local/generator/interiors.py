"""Places under a roof, and things seen from close by."""

import math
from dataclasses import replace
from random import Random

from PIL import Image, ImageChops

from callboard_local.generator.canvas import Canvas
from callboard_local.generator.landscapes import paint_field, paint_sea, paint_water
from callboard_local.generator.painting import (
    Colour,
    Point,
    Stencil,
    fade,
    mix,
    noise,
    screen,
    shine,
    threshold,
    vertical,
)
from callboard_local.generator.palettes import LAMP
from callboard_local.generator.props import paint_figure
from callboard_local.generator.skies import paint_sky, paint_weather

# What is inside a room is not to be seen through its window.
INDOORS = frozenset({"figure", "lamp", "letter", "close", "beam", "house"})
WOOD: Colour = (92, 60, 40)


def _view(canvas: Canvas, size: tuple[int, int]) -> Image.Image:
    """Paint what is to be seen outside."""
    picture = Image.new("RGB", size)
    outside = replace(canvas, picture=picture, features=canvas.features - INDOORS)
    (paint_field if canvas.has("trees") else paint_sea)(outside)
    paint_weather(outside)
    return picture


def _warm(canvas: Canvas) -> bool:
    return canvas.shines("lamp")


def paint_room(canvas: Canvas) -> None:
    """Paint a room with a window, a table under a lamp, somebody at it."""
    rng = canvas.rng("room")
    wall = mix(
        mix((118, 96, 82), canvas.palette.sky[1], rng.uniform(0.3, 0.6)),
        canvas.palette.dark,
        0.66 if canvas.dark else 0.3,
    )
    canvas.picture.paste(
        vertical(
            canvas.picture.size,
            [(0, mix(wall, (0, 0, 0), 0.45)), (0.5, wall), (0.74, mix(wall, (0, 0, 0), 0.3)), (1, (10, 8, 10))],
        ),
        (0, 0),
    )
    planks = canvas.stencil()
    count = rng.randint(9, 15)
    for number in range(1, count):
        planks.line([canvas.at(number / count, 0), canvas.at(number / count, 0.76)], 1.2, rng.uniform(0.3, 0.8))
    planks.paint(mix(wall, (0, 0, 0), 0.5), 0.55)
    side = rng.choice((-1, 1))
    middle = 0.5 + side * rng.uniform(0.14, 0.22)
    left, right, top, bottom = middle - 0.165, middle + 0.165, 0.09, 0.56
    box = tuple(round(value) for value in (*canvas.at(left, top), *canvas.at(right, bottom)))
    canvas.picture.paste(_view(canvas, (box[2] - box[0], box[3] - box[1])), (box[0], box[1]))
    frame = canvas.stencil(left - 0.05, top - 0.06, right + 0.05, bottom + 0.08)
    bar = canvas.height * 0.013
    x0, y0 = canvas.at(left, top)
    x1, y1 = canvas.at(right, bottom)
    for x in (x0, (x0 + x1) / 2, x1):
        frame.rectangle(x - bar / 2, y0, x + bar / 2, y1)
    for y in (y0, y0 + (y1 - y0) * 0.38, y1):
        frame.rectangle(x0, y - bar / 2, x1, y + bar / 2)
    frame.rectangle(x0 - bar * 2.4, y1, x1 + bar * 2.4, y1 + bar * 1.8)
    frame.rectangle(x0 - bar * 2, y0 - bar * 1.4, x1 + bar * 2, y0)
    frame.paint(mix(WOOD, canvas.palette.dark, 0.55))
    if not canvas.dark:
        shaft = canvas.stencil()
        shaft.polygon(
            [
                (x0, y0),
                (x1, y0),
                (x1 - side * canvas.width * 0.36, canvas.height),
                (x0 - side * canvas.width * 0.46, canvas.height),
            ]
        )
        shaft.light(canvas.palette.light, 0.2, blur=16.0)
    _paint_table(canvas, rng, side)


def _paint_table(canvas: Canvas, rng: Random, side: int) -> None:
    edge = 0.66
    lamp_at = canvas.at(0.5 - side * rng.uniform(0.12, 0.2), edge)
    warm = _warm(canvas)
    if warm:
        shine(canvas.picture, (lamp_at[0], lamp_at[1] - canvas.height * 0.2), canvas.width * 0.42, LAMP, 0.5, 2.0)
    if canvas.has("figure"):
        paint_figure(
            canvas,
            (lamp_at[0] - side * canvas.width * 0.17, canvas.height * 0.98),
            canvas.height * 0.74,
            rng,
            lantern=False,
            rim=mix(LAMP if warm else canvas.palette.light, WOOD, 0.2),
        )
    top = canvas.stencil(0, edge - 0.02)
    near = mix(WOOD, canvas.palette.dark, 0.35)
    top.polygon(
        [canvas.at(-0.02, edge + 0.02), canvas.at(1.02, edge + 0.02), canvas.at(1.02, 1.02), canvas.at(-0.02, 1.02)]
    )
    top.shade(
        [(0, mix(near, LAMP if warm else canvas.palette.haze, 0.25)), (0.15, near), (1, mix(near, (0, 0, 0), 0.75))]
    )
    grain = (canvas.width, round(canvas.height * (1 - edge)))
    screen(
        canvas.picture,
        threshold(noise(grain, rng, (3, 60), 2), 0.5, 0.9, 0.18),
        (0, canvas.height - grain[1]),
        mix(WOOD, LAMP, 0.3),
    )
    if canvas.has("letter") or rng.random() < 0.5:
        x, y = lamp_at[0] + side * canvas.width * 0.2, canvas.height * (edge + 0.055)
        wide = canvas.width * 0.085
        sheet = Stencil(canvas.picture, (x - wide * 1.4, y - 40, x + wide * 1.4, y + 60))
        sheet.polygon(
            [
                (x - wide * 0.8, y),
                (x + wide * 0.7, y - 6),
                (x + wide, y + canvas.height * 0.05),
                (x - wide * 0.7, y + canvas.height * 0.06),
            ]
        )
        sheet.paint(mix((240, 230, 206), near, 0.18))
        cup = Stencil(canvas.picture, (x - wide * 3, y - 90, x + wide * 3, y + 60))
        mug = x + side * wide * 1.5
        cup.rectangle(mug - 15, y - 34, mug + 15, y + 6).ellipse((mug, y + 6), 15, 5).line(
            [(mug + 14, y - 26), (mug + 26, y - 20), (mug + 24, y - 6), (mug + 13, y - 2)], 4
        )
        cup.paint(mix((150, 160, 160), near, 0.45))
    _paint_oil_lamp(canvas, (lamp_at[0], lamp_at[1] + canvas.height * 0.05), canvas.height * 0.3, lit=warm)


def _paint_oil_lamp(canvas: Canvas, foot: Point, size: float, *, lit: bool) -> None:
    x, y = foot
    box = (x - size * 0.5, y - size * 1.1, x + size * 0.5, y + size * 0.1)
    brass = mix((170, 122, 58), canvas.palette.dark, 0.42)
    Stencil(canvas.picture, box).ellipse((x, y), size * 0.2, size * 0.035).polygon(
        [
            (x - size * 0.06, y),
            (x - size * 0.04, y - size * 0.14),
            (x - size * 0.16, y - size * 0.25),
            (x - size * 0.15, y - size * 0.38),
            (x + size * 0.15, y - size * 0.38),
            (x + size * 0.16, y - size * 0.25),
            (x + size * 0.04, y - size * 0.14),
            (x + size * 0.06, y),
        ]
    ).paint(brass)
    glass = Stencil(canvas.picture, box).polygon(
        [
            (x - size * 0.08, y - size * 0.4),
            (x - size * 0.15, y - size * 0.6),
            (x - size * 0.07, y - size * 0.8),
            (x - size * 0.06, y - size),
            (x + size * 0.06, y - size),
            (x + size * 0.07, y - size * 0.8),
            (x + size * 0.15, y - size * 0.6),
            (x + size * 0.08, y - size * 0.4),
        ]
    )
    glass.light(LAMP if lit else canvas.palette.haze, 0.4 if lit else 0.22)
    if lit:
        flame = (x, y - size * 0.55)
        shine(canvas.picture, flame, canvas.height * 0.55, LAMP, 0.55, 2.6)
        shine(canvas.picture, flame, size * 0.34, (255, 226, 160), 0.9, 1.8)
        Stencil(canvas.picture, box).polygon(
            [
                (x - size * 0.032, y - size * 0.47),
                (x - size * 0.036, y - size * 0.54),
                (x, y - size * 0.69),
                (x + size * 0.036, y - size * 0.54),
                (x + size * 0.032, y - size * 0.47),
            ]
        ).paint((255, 248, 226), blur=1.2)
        shine(canvas.picture, (x, y + size * 0.12), size * 1.3, LAMP, 0.36, 2.0, squash=0.2)


def paint_letter(canvas: Canvas) -> None:
    """Paint a written page on a dark table, in the light of a lamp."""
    rng = canvas.rng("letter")
    base = mix(WOOD, canvas.palette.dark, 0.5 if canvas.dark else 0.2)
    canvas.picture.paste(
        vertical(canvas.picture.size, [(0, mix(base, (0, 0, 0), 0.3)), (0.5, base), (1, mix(base, (0, 0, 0), 0.55))]),
        (0, 0),
    )
    grain = threshold(noise(canvas.picture.size, rng, (3, 90), 3), 0.45, 0.85, 0.3)
    screen(canvas.picture, grain, (0, 0), mix(WOOD, LAMP, 0.25))
    tilt = rng.uniform(0.06, 0.2) * rng.choice((-1, 1))
    middle = canvas.at(0.5 + rng.uniform(-0.06, 0.06), 0.4)
    half_wide, half_tall = canvas.height * 0.4, canvas.height * 0.47

    def on_page(across: float, down: float, turn: float = tilt) -> Point:
        x, y = across * half_wide, down * half_tall
        return (
            middle[0] + x * math.cos(turn) - y * math.sin(turn),
            middle[1] + x * math.sin(turn) + y * math.cos(turn),
        )

    corners = ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0))
    paper = mix(mix((242, 230, 202), LAMP if _warm(canvas) else canvas.palette.light, 0.3), canvas.palette.dark, 0.06)
    if rng.random() < 0.7:
        envelope = [on_page(across * 0.9 - 0.9, down * 0.5 + 0.2, -tilt * 1.6) for across, down in corners]
        canvas.stencil().polygon([(x + 8, y + 10) for x, y in envelope]).paint((0, 0, 0), 0.4, blur=8.0)
        canvas.stencil().polygon(envelope).paint(mix(paper, WOOD, 0.35))
        canvas.stencil().line([envelope[0], on_page(-0.9, 0.25, -tilt * 1.6), envelope[1]], 2.0).paint(
            mix(paper, WOOD, 0.6), 0.8
        )
    page = [on_page(*corner) for corner in corners]
    canvas.stencil().polygon([(x + 10, y + 13) for x, y in page]).paint((0, 0, 0), 0.5, blur=10.0)
    canvas.stencil().polygon(page).paint(paper)
    folds = canvas.stencil()
    for fold in (-0.33, 0.34):
        folds.line([on_page(-1, fold), on_page(1, fold)], 2.4)
    folds.paint(mix(paper, WOOD, 0.45), 0.5, blur=1.2)
    ink = canvas.stencil()
    down = -0.8
    line_number = 0
    while down < 0.86:
        across, end = (-0.8, 0.8) if line_number else (0.2, 0.74)
        end = end - (rng.uniform(0.2, 0.9) if rng.random() < 0.2 else rng.uniform(0, 0.08))
        while across < end:
            length = rng.uniform(0.06, 0.2)
            ink.line(
                [
                    on_page(
                        across + length * step / 12, down + rng.gauss(0, 0.012) * (1.7 if rng.random() < 0.2 else 1)
                    )
                    for step in range(13)
                ],
                1.3,
                rng.uniform(0.65, 1),
            )
            across += length + 0.045
        down += 0.098 if line_number else 0.17
        line_number += 1
    ink.paint(mix((30, 36, 66), WOOD, 0.15), 0.85)
    pen = canvas.stencil()
    nib, tail = on_page(0.55, 0.5), on_page(1.55, -0.75)
    pen.line([(nib[0] + 9, nib[1] + 12), (tail[0] + 9, tail[1] + 12)], 9, 0.5).paint((0, 0, 0), 0.5, blur=5.0)
    canvas.stencil().line([nib, tail], 8).paint(mix(canvas.palette.dark, WOOD, 0.25))
    canvas.stencil().line([nib, (nib[0] * 0.82 + tail[0] * 0.18, nib[1] * 0.82 + tail[1] * 0.18)], 4.5).paint(
        (196, 160, 90)
    )
    corner = canvas.at(rng.choice((0.04, 0.96)), 0.0)
    dusk = fade(canvas.picture.size, [(0, 0.0), (1, 0.35)])
    canvas.picture.paste(canvas.palette.dark, (0, 0, *canvas.picture.size), dusk)
    shine(canvas.picture, corner, canvas.width * 0.95, LAMP if _warm(canvas) else canvas.palette.light, 0.6, 1.5)


def paint_lamp_room(canvas: Canvas) -> None:
    """Paint the glazed room at the top of a lighthouse, its lens in the middle, the sea all around."""
    rng = canvas.rng("lamp_room")
    canvas.picture.paste(_view(canvas, canvas.picture.size), (0, 0))
    metal = mix(canvas.palette.dark, (40, 38, 36), 0.4)
    veil = fade(canvas.picture.size, [(0, 0.55), (0.3, 0.12), (1, 0.2)])
    canvas.picture.paste(canvas.palette.dark, (0, 0, *canvas.picture.size), veil)
    x, y = canvas.at(0.5 + rng.uniform(-0.12, 0.12), 0.41)
    bars = canvas.stencil()
    step = canvas.width / rng.choice((5, 6, 7))
    shift = rng.uniform(0, step)
    slope = rng.choice((-1, 1))
    for number in range(-1, 8):
        left = shift + number * step
        bars.line(
            [(left, 0), (left + slope * step * 0.5, canvas.height * 0.36), (left, canvas.height * 0.72)],
            canvas.height * 0.011,
        )
        bars.line(
            [(left, 0), (left - slope * step * 0.5, canvas.height * 0.36), (left, canvas.height * 0.72)],
            canvas.height * 0.011,
        )
    bars.rectangle(0, canvas.height * 0.7, canvas.width, canvas.height * 0.735)
    bars.rectangle(0, 0, canvas.width, canvas.height * 0.035)
    bars.paint(metal)
    floor = canvas.stencil(0, 0.73)
    floor.rectangle(0, canvas.height * 0.735, canvas.width, canvas.height)
    floor.shade([(0, mix(metal, LAMP, 0.22)), (0.3, metal), (1, (6, 6, 8))])
    size = canvas.height * 0.33
    lit = canvas.shines("lamp", "beam")
    tone = LAMP if lit else mix(canvas.palette.haze, (255, 255, 255), 0.4)
    if lit:
        shine(canvas.picture, (x, y), canvas.width * 0.5, LAMP, 0.6, 2.0)
    stand = canvas.stencil()
    stand.polygon(
        [
            (x - size * 0.42, y + size * 0.9),
            (x + size * 0.42, y + size * 0.9),
            (x + size * 0.3, y + size * 1.35),
            (x - size * 0.3, y + size * 1.35),
        ]
    )
    stand.rectangle(x - size * 0.62, y + size * 0.86, x + size * 0.62, y + size * 0.95)
    stand.rectangle(x - size * 0.5, y - size * 1.0, x + size * 0.5, y - size * 0.93)
    stand.paint(mix(metal, (120, 88, 46), 0.45))
    lens = canvas.stencil()
    lens.ellipse((x, y), size * 0.62, size * 0.95)
    lens.paint(mix(tone, canvas.palette.dark, 0.45), 0.75)
    for ring in range(11):
        level = -0.9 + ring * 0.18
        reach = 0.64 * math.sqrt(max(0.0, 1 - (level / 1.0) ** 2))
        prism = canvas.stencil()
        prism.polygon(
            [
                (x - size * reach, y + size * level),
                (x + size * reach, y + size * level),
                (x + size * reach * 0.9, y + size * (level + 0.11)),
                (x - size * reach * 0.9, y + size * (level + 0.11)),
            ]
        )
        prism.light(tone, 0.3 + 0.4 * (1 - abs(level)))
    bull = canvas.stencil()
    for radius in (0.34, 0.26, 0.18):
        bull.ellipse((x, y), size * radius, opacity=1.0).ellipse((x, y), size * (radius - 0.035), opacity=0.0)
    bull.light((255, 250, 236), 0.7, blur=0.6)
    if lit:
        shine(canvas.picture, (x, y), size * 0.95, (255, 232, 178), 0.9, 1.7)
        shine(canvas.picture, (x, y), size * 0.3, (255, 255, 246), 1.0, 1.3)
        rays = canvas.stencil()
        for side in (-1, 1):
            rays.polygon(
                [
                    (x, y),
                    (x + side * canvas.width, y - canvas.height * 0.3),
                    (x + side * canvas.width, y + canvas.height * 0.22),
                ]
            )
        rays.light(LAMP, 0.17, blur=14.0)
    if canvas.has("figure"):
        side = rng.choice((-1, 1))
        paint_figure(
            canvas,
            (x + side * size * 1.15, canvas.height * 0.93),
            canvas.height * 0.66,
            rng,
            lantern=False,
            rim=mix(tone, WOOD, 0.1),
        )


def paint_stairs(canvas: Canvas) -> None:
    """Paint a spiral staircase seen from below, light at its top."""
    rng = canvas.rng("stairs")
    warm = _warm(canvas)
    light = LAMP if warm else mix(canvas.palette.light, canvas.palette.haze, 0.4)
    stone = mix(mix((136, 128, 120), canvas.palette.sky[1], 0.45), canvas.palette.dark, 0.3)
    canvas.picture.paste(mix(stone, canvas.palette.dark, 0.85), (0, 0, *canvas.picture.size))
    x, y = canvas.at(0.5 + rng.uniform(-0.14, 0.14), 0.37)
    way = rng.choice((-1, 1))
    per_turn, turns = rng.randint(17, 22), 4
    start = rng.uniform(0, math.tau)
    outer = math.hypot(canvas.width, canvas.height) * 0.72
    shrink = 0.5 ** (1 / per_turn)
    for number in range(per_turn * turns):
        scale = shrink**number
        angle = start + way * number * math.tau / per_turn
        following = angle + way * math.tau / per_turn * 1.04
        far, close = outer * scale, outer * scale * 0.4
        depth = number / (per_turn * turns)
        facing = 0.5 + 0.5 * math.cos(angle - 0.9 + 0.35 * (number % 2))
        tread = mix(mix(stone, canvas.palette.dark, 0.86 - 0.62 * facing), light, 0.02 + 0.72 * depth**1.6)
        ring = [
            (x + math.cos(turn) * reach, y + math.sin(turn) * reach * 0.94)
            for turn, reach in ((angle, far), (following, far), (following, close), (angle, close))
        ]
        box = (
            min(p[0] for p in ring) - 2,
            min(p[1] for p in ring) - 2,
            max(p[0] for p in ring) + 2,
            max(p[1] for p in ring) + 2,
        )
        if box[2] < 0 or box[3] < 0 or box[0] > canvas.width or box[1] > canvas.height:
            continue
        Stencil(canvas.picture, box).polygon(ring).paint(tread)
        edge = Stencil(canvas.picture, box)
        edge.line([ring[0], ring[3]], max(0.8, 5 * scale))
        edge.paint(mix(tread, light, 0.35))
        riser = Stencil(canvas.picture, box).polygon(
            [
                ring[1],
                ring[2],
                (ring[2][0] * 0.86 + ring[3][0] * 0.14, ring[2][1] * 0.86 + ring[3][1] * 0.14),
                (ring[1][0] * 0.86 + ring[0][0] * 0.14, ring[1][1] * 0.86 + ring[0][1] * 0.14),
            ]
        )
        riser.paint(mix(tread, canvas.palette.dark, 0.6))
    rail = canvas.stencil()
    points = [
        (
            x + math.cos(start + way * step * 0.1) * outer * 0.4 * shrink ** (step * 0.1 / (math.tau / per_turn)),
            y + math.sin(start + way * step * 0.1) * outer * 0.38 * shrink ** (step * 0.1 / (math.tau / per_turn)),
        )
        for step in range(250)
    ]
    rail.line(points, canvas.height * 0.011)
    rail.paint(mix(canvas.palette.dark, WOOD, 0.35))
    shine(canvas.picture, (x, y), canvas.height * 0.55, light, 0.7, 2.4)
    shine(canvas.picture, (x, y), canvas.height * 0.09, (255, 252, 240), 1.0, 1.3)
    if canvas.has("figure"):
        side = rng.choice((-1, 1))
        paint_figure(
            canvas,
            (x + side * canvas.width * 0.2, canvas.height * 0.86),
            canvas.height * 0.52,
            rng,
            lantern=warm,
            rim=light,
        )


def paint_portrait(canvas: Canvas) -> None:
    """Paint somebody's head and shoulders against the light."""
    rng = canvas.rng("portrait")
    horizon = rng.uniform(0.5, 0.62)
    light = paint_sky(canvas, horizon)
    paint_water(canvas, horizon, light, rng)
    soft = canvas.picture.resize((canvas.width // 8, canvas.height // 8)).resize(
        canvas.picture.size, Image.Resampling.BICUBIC
    )
    canvas.picture.paste(soft, (0, 0))
    way = 1 if light[0] < canvas.width / 2 else -1
    middle = canvas.at(0.5 + way * rng.uniform(0.06, 0.16), 0.0)[0]
    tall = canvas.height
    skin = mix(canvas.palette.dark, (88, 58, 48), 0.24)
    coat = mix(canvas.palette.dark, (20, 26, 40), 0.4)
    rim = mix(canvas.palette.light, (255, 255, 255), 0.15)
    profile = [
        (-0.135, 0.215),
        (-0.14, 0.25),
        (-0.15, 0.275),
        (-0.178, 0.335),
        (-0.186, 0.352),
        (-0.172, 0.366),
        (-0.15, 0.37),
        (-0.158, 0.39),
        (-0.15, 0.402),
        (-0.156, 0.418),
        (-0.146, 0.44),
        (-0.158, 0.475),
        (-0.15, 0.515),
        (-0.1, 0.545),
        (-0.04, 0.53),
        (-0.02, 0.62),
        (0.13, 0.62),
        (0.12, 0.45),
        (0.15, 0.36),
        (0.155, 0.25),
        (0.12, 0.16),
        (0.02, 0.12),
        (-0.09, 0.14),
    ]
    beard = [
        (-0.158, 0.42),
        (-0.168, 0.47),
        (-0.15, 0.545),
        (-0.09, 0.61),
        (-0.02, 0.6),
        (0.03, 0.53),
        (0.05, 0.42),
        (0.01, 0.37),
        (-0.03, 0.43),
        (-0.1, 0.43),
    ]
    cap = [
        (-0.2, 0.232),
        (-0.15, 0.2),
        (-0.152, 0.15),
        (-0.12, 0.085),
        (0.0, 0.062),
        (0.12, 0.09),
        (0.172, 0.17),
        (0.166, 0.225),
        (0.0, 0.206),
        (-0.12, 0.225),
    ]
    shoulders = [
        (-0.08, 0.585),
        (0.0, 0.565),
        (0.12, 0.5),
        (0.17, 0.53),
        (0.2, 0.6),
        (0.42, 0.71),
        (0.5, 1.02),
        (-0.46, 1.02),
        (-0.38, 0.74),
        (-0.17, 0.64),
    ]

    def figure(points: list[tuple[float, float]], shift: float = 0.0) -> list[Point]:
        return [(middle + way * across * tall + shift, down * tall) for across, down in points]

    outline = canvas.stencil()
    for part in (profile, cap, shoulders, beard):
        outline.polygon(figure(part, -way * tall * 0.0075))
    outline.paint(rim, 0.9, blur=1.2)
    for part, colour in (
        (profile, skin),
        (shoulders, coat),
        (beard, mix(coat, (150, 146, 140), 0.14)),
        (cap, mix(coat, (0, 0, 0), 0.3)),
    ):
        canvas.stencil().polygon(figure(part)).paint(colour, blur=0.5)
    mask = canvas.stencil()
    for part in (profile, shoulders, cap, beard):
        mask.polygon(figure(part))
    body = mask.mask()
    edge = ImageChops.multiply(ImageChops.subtract(body, ImageChops.offset(body, round(way * tall * 0.05), 0)), body)
    screen(canvas.picture, edge.point([value // 4 for value in range(256)]), (0, 0), canvas.palette.light)
    eye = canvas.stencil()
    eye.ellipse((middle - way * 0.118 * tall, 0.292 * tall), tall * 0.011, tall * 0.0065)
    eye.paint(mix(rim, skin, 0.25), 0.85)
    shine(canvas.picture, light, canvas.height * 0.6, canvas.palette.light, 0.3, 2.2)
    _dust(canvas, rng)


def _dust(canvas: Canvas, rng: Random) -> None:
    motes = canvas.stencil()
    for _ in range(60):
        motes.ellipse(canvas.at(rng.random(), rng.random()), rng.uniform(0.5, 2.0), opacity=rng.uniform(0.1, 0.6))
    motes.light(canvas.palette.light, 0.5, blur=0.7)
