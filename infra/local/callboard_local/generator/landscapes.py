"""Places under the sky, from the horizon to the feet of whoever looks."""

from itertools import pairwise
from random import Random

from PIL import Image, ImageChops

from callboard_local.generator.canvas import Canvas
from callboard_local.generator.painting import (
    Colour,
    Point,
    Stencil,
    fade,
    far_sides,
    mix,
    noise,
    peaks,
    ridge,
    screen,
    shine,
    swell,
    threshold,
    vertical,
)
from callboard_local.generator.palettes import LAMP
from callboard_local.generator.props import (
    paint_bare_tree,
    paint_beam,
    paint_birds,
    paint_boat,
    paint_conifers,
    paint_figures,
    paint_house,
    paint_islet,
    paint_lighthouse,
)
from callboard_local.generator.skies import paint_sky


def paint_sea(canvas: Canvas) -> None:
    """Paint open water, with a lighthouse, a boat, a shore to stand on where they are asked for."""
    rng = canvas.rng("sea")
    rough = canvas.hour == "storm" or canvas.has("waves")
    calm = canvas.has("calm") and not rough
    horizon = rng.uniform(0.46, 0.58)
    light = paint_sky(canvas, horizon)
    for distance, height in ((0.86, 0.05), (0.66, 0.035)):
        if rng.random() < 0.6:
            paint_ridge(canvas, rng, horizon + 0.004, rng.uniform(0.4, 1.0) * height, distance, 0.5, partly=True)
    paint_water(canvas, horizon, light, rng, calm=calm)
    side = -1 if light[0] > canvas.width / 2 else 1
    if canvas.has("lighthouse", "beam") or not canvas.has("boat", "figure", "waves", "birds", "bridge"):
        if canvas.has("lighthouse", "beam"):
            _paint_station(canvas, horizon, side, rng)
        else:
            paint_boat(canvas, canvas.at(0.5 + side * rng.uniform(0.1, 0.3), horizon + 0.06), canvas.height * 0.12, rng)
    if rough:
        _paint_breakers(canvas, horizon, rng)
    if canvas.has("boat"):
        near = rng.uniform(0.04, 0.13) + (0.05 if rough else 0)
        across = 0.5 - side * rng.uniform(0.08, 0.3)
        paint_boat(canvas, canvas.at(across, horizon + near), canvas.height * (0.1 + 1.15 * near), rng)
    if canvas.has("birds") or rng.random() < 0.35:
        paint_birds(canvas, rng)
    if canvas.has("figure"):
        _paint_watcher(canvas, rng, -side)


def _paint_station(canvas: Canvas, horizon: float, side: int, rng: Random) -> None:
    close = rng.random() < 0.6
    tall = canvas.height * (rng.uniform(0.5, 0.62) if close else rng.uniform(0.26, 0.36))
    across = 0.5 + side * rng.uniform(0.16, 0.33)
    base = horizon + (0.13 if close else 0.03)
    tall = min(tall, canvas.height * (base - 0.05) / 1.34)
    x, y = canvas.at(across, base)
    width, height = tall * rng.uniform(1.1, 1.7), tall * rng.uniform(0.24, 0.36)
    colour = mix(canvas.palette.dark, canvas.palette.ground, 0.55)
    paint_islet(canvas, (x, y), width, height, rng, colour)
    foot = (x + rng.uniform(-0.06, 0.06) * width, y - height * 0.72)
    if canvas.has("house") or rng.random() < 0.55:
        paint_house(canvas, (foot[0] - side * tall * 0.26, foot[1] + height * 0.06), tall * 0.16, rng)
    lamp = paint_lighthouse(canvas, foot, tall, rng)
    paint_islet(
        canvas,
        (x + width * 0.05, y + height * 0.05),
        width * 0.86,
        height * 0.42,
        rng,
        mix(colour, canvas.palette.dark, 0.4),
    )
    surf = Stencil(canvas.picture, (x - width * 0.62, y - height * 0.2, x + width * 0.62, y + height * 0.3))
    for _ in range(60):
        surf.ellipse(
            (x + rng.gauss(0, width * 0.25), y + height * rng.uniform(0.0, 0.13)),
            width * rng.uniform(0.01, 0.05),
            height * rng.uniform(0.008, 0.022),
            rng.uniform(0.3, 0.9),
        )
    surf.paint(mix(canvas.palette.haze, (255, 255, 255), 0.4), 0.5, blur=1.0)
    if canvas.shines("beam", "fog"):
        paint_beam(canvas, lamp, rng)


def _paint_watcher(canvas: Canvas, rng: Random, side: int) -> None:
    """Paint a dark ledge in front, with somebody on it."""
    x = 0.5 + side * rng.uniform(0.14, 0.3)
    base = canvas.height * 0.86
    ledge = ridge(rng, canvas.width, base, canvas.height * 0.13, 0.5, 6)
    middle = x * canvas.width
    points = [
        (px, py + canvas.height * 0.25 * min(1.0, (abs(px - middle) / (canvas.width * 0.5)) ** 1.3)) for px, py in ledge
    ]
    canvas.stencil(0, 0.5).polygon([*points, (canvas.width, canvas.height), (0, canvas.height)]).paint(
        mix(canvas.palette.dark, canvas.palette.ground, 0.16)
    )
    foot = min(points, key=lambda point: abs(point[0] - middle))
    size = canvas.height * (0.46 if canvas.has("close") else rng.uniform(0.26, 0.36))
    paint_figures(
        canvas,
        (foot[0], foot[1] + size * 0.03),
        size,
        rng,
        lantern=canvas.shines() and canvas.has("lamp", "beam"),
        rim=mix(canvas.palette.light, canvas.palette.haze, 0.5),
    )


def paint_water(canvas: Canvas, horizon: float, light: Point, rng: Random, *, calm: bool = False) -> None:
    """Paint water from the horizon down, with the light's path on it."""
    palette = canvas.palette
    top = round(canvas.height * horizon)
    size = (canvas.width, canvas.height - top)
    mirror = mix(palette.haze, palette.sky[2], 0.4)
    canvas.picture.paste(
        vertical(
            size,
            [
                (0, mix(palette.water, mirror, 0.75)),
                (0.16, mix(palette.water, mirror, 0.42)),
                (0.55, palette.water),
                (1, mix(palette.water, palette.dark, 0.6)),
            ],
        ),
        (0, top),
    )
    if calm:
        reflection = canvas.picture.crop((0, max(0, top - size[1]), canvas.width, top)).transpose(
            Image.Transpose.FLIP_TOP_BOTTOM
        )
        reflection = reflection.resize(size)
        canvas.picture.paste(reflection, (0, top), fade(size, [(0, 0.75), (0.5, 0.45), (1, 0.1)]))
    lines = canvas.stencil(0, horizon)
    dark = canvas.stencil(0, horizon)
    path = canvas.stencil(0, horizon)
    scale = canvas.height / 540
    for _ in range(240 if calm else 520):
        depth = rng.random() ** 1.7
        y = top + 1 + depth * size[1]
        near = 0.04 + depth
        stroke = lines if rng.random() < 0.5 else dark
        stroke.ellipse(
            (rng.uniform(0, canvas.width), y),
            canvas.width * near * rng.uniform(0.03, 0.11),
            max(0.5, 3.4 * near * scale),
            rng.uniform(0.1, 0.55),
        )
    for _ in range(430):
        depth = rng.random() ** 1.4
        y = top + 1 + depth * size[1]
        near = 0.05 + depth
        x = light[0] + rng.gauss(0, canvas.width * (0.016 + 0.07 * depth))
        path.ellipse(
            (x, y),
            canvas.width * near * rng.uniform(0.008, 0.034),
            max(0.5, 2.2 * near * scale),
            rng.uniform(0.25, 1.0) * (1 - 0.5 * depth),
        )
    dark.paint(mix(palette.water, palette.dark, 0.75), 0.5, blur=0.5)
    lines.light(mirror, 0.3, blur=0.5)
    shine(canvas.picture, (light[0], top + 2), canvas.width * 0.26, palette.light, 0.3, 2.0, squash=0.35)
    path.light(palette.light, 0.4 if canvas.hour in {"storm", "overcast"} else 0.85, blur=0.4)


def _paint_breakers(canvas: Canvas, horizon: float, rng: Random) -> None:
    palette = canvas.palette
    foam = mix(palette.haze, (255, 255, 255), 0.45)
    for number in range(5):
        share = number / 4
        base = canvas.height * (horizon + 0.07 + (0.82 - horizon) * share**1.15)
        height = canvas.height * (0.03 + 0.13 * share)
        crest = swell(rng, canvas.width, base, height, canvas.width * (0.24 + 0.4 * share), 1.5)
        top = min(point[1] for point in crest) / canvas.height
        body = canvas.stencil(0, max(0.0, top - 0.01), 1, min(1.0, base / canvas.height + 0.22))
        deep = mix(palette.water, palette.dark, 0.3 + 0.25 * share)
        body.polygon([*crest, (canvas.width, canvas.height), (0, canvas.height)])
        body.shade(
            [(0, mix(palette.water, palette.haze, 0.5 - 0.14 * share)), (0.3, mix(deep, palette.water, 0.5)), (1, deep)]
        )
        spray = canvas.stencil(0, max(0.0, top - 0.08), 1, min(1.0, base / canvas.height + 0.1))
        for one, other in pairwise(crest):
            rise = (base - one[1]) / height
            spray.line([one, other], (0.6 + 5.0 * share) * rise**2, min(1.0, 0.25 + rise))
            for step in range(3):
                if rng.random() < 0.42:
                    below = height * (0.14 + 0.2 * step + 0.1 * rng.random())
                    spray.line(
                        [(one[0], one[1] + below), (other[0], other[1] + below)], 0.7 + share, 0.34 - 0.08 * step
                    )
            for _ in range(int(9 * rise**2)):
                spray.ellipse(
                    (
                        one[0] + rng.gauss(0, 4 + 9 * share),
                        one[1] - rng.expovariate(1.0) * height * 0.09 + rng.uniform(0, height * 0.1),
                    ),
                    (0.4 + 1.3 * share) * rng.uniform(0.4, 1.2),
                    opacity=rng.uniform(0.2, 0.8),
                )
        spray.paint(foam, 0.75, blur=0.5 + 0.5 * share)


def paint_ridge(
    canvas: Canvas, rng: Random, base: float, height: float, distance: float, roughness: float, *, partly: bool = False
) -> list[Point]:
    """Paint a line of hills or peaks at a distance; return its crest."""
    bottom = canvas.height * base
    crest = ridge(rng, canvas.width, bottom, canvas.height * height, roughness)
    if partly:
        left = rng.random() < 0.5
        crest = [
            (x, bottom - (bottom - y) * max(0.0, 1 - (x if left else canvas.width - x) / (canvas.width * 0.62)))
            for x, y in crest
        ]
    top = max(0.0, min(point[1] for point in crest) / canvas.height - 0.01)
    colour = canvas.away(distance)
    canvas.stencil(0, top, 1, base).polygon([*crest, (canvas.width, bottom), (0, bottom)]).shade(
        [(0, colour), (1, mix(colour, canvas.palette.haze, 0.35))]
    )
    return crest


def paint_mountains(canvas: Canvas) -> None:
    """Paint peaks behind peaks over a valley, with snow on the highest."""
    rng = canvas.rng("mountains")
    horizon = rng.uniform(0.58, 0.66)
    light = paint_sky(canvas, horizon)
    layers = 4
    for number in range(layers):
        share = number / (layers - 1)
        base = canvas.height * (horizon + 0.02 + 0.14 * share)
        height = canvas.height * (0.46 - 0.3 * share) * rng.uniform(0.85, 1.1)
        crest = peaks(rng, canvas.width, base, height, 3 + number)
        colour = canvas.away(0.74 - 0.5 * share)
        top = max(0.0, min(point[1] for point in crest) / canvas.height - 0.01)
        end = base / canvas.height + 0.02
        canvas.stencil(0, top, 1, end).polygon([*crest, (canvas.width, base + 9), (0, base + 9)]).shade(
            [(0, mix(colour, canvas.palette.light, 0.1)), (1, mix(colour, canvas.palette.haze, 0.3))]
        )
        if number <= 1:
            _paint_snow_caps(canvas, crest, base, rng)
        faces = canvas.stencil(0, top, 1, end)
        for face in far_sides(crest, height * 0.75, 1 if light[0] < canvas.width / 2 else -1, rng):
            faces.polygon(face)
        faces.paint(mix(colour, canvas.palette.dark, 0.45), 0.5, blur=0.8)
        veil = (canvas.width, round(canvas.height * 0.13))
        canvas.picture.paste(
            canvas.palette.haze,
            (
                0,
                round(canvas.height * (horizon - 0.07 + 0.14 * share)),
                veil[0],
                round(canvas.height * (horizon - 0.07 + 0.14 * share)) + veil[1],
            ),
            fade(veil, [(0, 0), (0.6, 0.3), (1, 0)]),
        )
    slope = swell(rng, canvas.width, canvas.height * 0.84, canvas.height * 0.14, canvas.width * 0.9)
    near = canvas.away(0.1)
    canvas.stencil(0, 0.6).polygon([*slope, (canvas.width, canvas.height), (0, canvas.height)]).paint(near)
    paint_conifers(canvas, slope, canvas.height * 0.12, near, rng, 0.3)
    _people_the_land(canvas, slope, rng)


def _paint_snow_caps(canvas: Canvas, crest: list[Point], bottom: float, rng: Random) -> None:
    peak = min(point[1] for point in crest)
    depth = (bottom - peak) * 0.5
    low = [(x, max(y, peak + depth * (0.75 + 0.5 * rng.random()))) for x, y in crest]
    top, end = max(0.0, peak / canvas.height - 0.01), min(1.0, bottom / canvas.height)
    snow = mix(mix(canvas.palette.light, (255, 255, 255), 0.4), canvas.palette.haze, 0.2)
    canvas.stencil(0, top, 1, end).polygon([*crest, *reversed(low)]).paint(snow, 0.85, blur=0.7)


def paint_field(canvas: Canvas) -> None:
    """Paint rolling land with a path, a house, a tree."""
    rng = canvas.rng("field")
    horizon = rng.uniform(0.52, 0.62)
    paint_sky(canvas, horizon)
    paint_ridge(canvas, rng, horizon + 0.01, 0.09, 0.85, 0.48)
    layers = 4
    line: list[Point] = []
    for number in range(layers):
        share = number / (layers - 1)
        base = canvas.height * (horizon + 0.04 + 0.24 * share)
        line = swell(
            rng, canvas.width, base, canvas.height * (0.06 + 0.08 * share), canvas.width * rng.uniform(0.6, 1.2)
        )
        top = min(point[1] for point in line) / canvas.height
        colour = canvas.away(0.6 - 0.48 * share)
        glow = mix(colour, canvas.palette.light, 0.26 * (1 - 0.5 * share))
        canvas.stencil(0, max(0.0, top - 0.01)).polygon(
            [*line, (canvas.width, canvas.height), (0, canvas.height)]
        ).shade([(0, glow), (0.35, colour), (1, mix(colour, canvas.palette.dark, 0.55))])
        if number in {0, 1} and rng.random() < 0.8:
            paint_conifers(
                canvas,
                line[rng.randrange(60) : rng.randrange(80, 161)],
                canvas.height * (0.03 + 0.03 * number),
                canvas.away(0.42 - 0.2 * number),
                rng,
                0.4,
            )
        if number == 1:
            _paint_furrows(canvas, line, rng, mix(colour, canvas.palette.light, 0.35))
    _people_the_land(canvas, line, rng, tree=True)


def _paint_furrows(canvas: Canvas, line: list[Point], rng: Random, colour: Colour) -> None:
    vanish = rng.choice(line[40:120])
    rows = canvas.stencil(0, 0.4)
    for number in range(-16, 17):
        rows.line([vanish, (vanish[0] + number * canvas.width * 0.075, canvas.height * 1.02)], 1.1, 0.6)
    rows.paint(colour, 0.22, blur=0.8)


def paint_desert(canvas: Canvas) -> None:
    """Paint dunes with one side in the light."""
    rng = canvas.rng("desert")
    horizon = rng.uniform(0.5, 0.6)
    light = paint_sky(canvas, horizon)
    sand = mix((206, 150, 96), canvas.palette.sky[2], 0.35 if not canvas.dark else 0.62)
    lit, shaded = mix(sand, canvas.palette.light, 0.42), mix(sand, canvas.palette.dark, 0.62)
    canvas.stencil(0, horizon - 0.005).rectangle(
        0, canvas.height * (horizon - 0.004), canvas.width, canvas.height
    ).shade([(0, mix(sand, canvas.palette.haze, 0.6)), (1, sand)])
    line: list[Point] = []
    for number in range(5):
        share = number / 4
        base = canvas.height * (horizon + 0.04 + 0.3 * share)
        height = canvas.height * (0.05 + 0.17 * share)
        line = peaks(rng, canvas.width, base, height, 4 - number // 2, smooth=True)
        top = max(0.0, min(point[1] for point in line) / canvas.height - 0.01)
        far = 0.62 * (1 - share)
        tone = mix(sand, shaded, 0.12 + 0.6 * share)
        canvas.stencil(0, top).polygon([*line, (canvas.width, canvas.height), (0, canvas.height)]).shade(
            [(0, mix(mix(tone, lit, 0.5), canvas.palette.haze, far)), (0.4, mix(tone, shaded, 0.25)), (1, shaded)]
        )
        shadow = canvas.stencil(0, top)
        for face in far_sides(line, height * 1.3, 1 if light[0] < canvas.width / 2 else -1, rng):
            shadow.polygon(face)
        shadow.paint(mix(mix(tone, shaded, 0.7), canvas.palette.haze, far), 0.55, blur=1.5)
        canvas.stencil(0, top).line(line, 1.4).light(canvas.palette.light, 0.3)
    size = (canvas.width, round(canvas.height * (1 - horizon)))
    ripples = threshold(noise(size, rng, (6, 70), 2), 0.4, 0.7, 0.2)
    screen(
        canvas.picture, ImageChops.multiply(ripples, fade(size, [(0, 0), (1, 1)])), (0, canvas.height - size[1]), lit
    )
    _people_the_land(canvas, line, rng)


def paint_forest(canvas: Canvas) -> None:
    """Paint firs behind firs in ever clearer air, or a stand of tall trunks with light between them."""
    rng = canvas.rng("forest")
    horizon = rng.uniform(0.6, 0.68)
    light = paint_sky(canvas, horizon)
    layers = 5
    line: list[Point] = []
    canvas.stencil(0, horizon - 0.01).rectangle(0, canvas.height * (horizon - 0.01), canvas.width, canvas.height).paint(
        canvas.away(0.75)
    )
    for number in range(layers):
        share = number / (layers - 1)
        base = canvas.height * (horizon - 0.06 + 0.26 * share)
        line = swell(rng, canvas.width, base, canvas.height * 0.1, canvas.width * rng.uniform(0.5, 1.0))
        colour = canvas.away(0.78 - 0.72 * share)
        gap = rng.uniform(0.3, 0.7) * canvas.width
        row = [point for point in line if number < layers - 1 or abs(point[0] - gap) > canvas.width * 0.12]
        top = max(0.0, min(point[1] for point in line) / canvas.height - 0.02)
        canvas.stencil(0, top).polygon([*line, (canvas.width, canvas.height), (0, canvas.height)]).paint(colour)
        paint_conifers(canvas, row, canvas.height * (0.12 + 0.26 * share**1.4), colour, rng, 0.26 + 0.1 * share)
        mist = (canvas.width, round(canvas.height * 0.22))
        if number < layers - 1:
            at = round(base - canvas.height * 0.08)
            canvas.picture.paste(
                canvas.palette.haze,
                (0, at, mist[0], at + mist[1]),
                ImageChops.multiply(
                    fade(mist, [(0, 0), (0.55, 0.75), (1, 0.1)]), threshold(noise(mist, rng, (4, 2), 3), 0.1, 0.8)
                ),
            )
    if not canvas.dark:
        shafts = canvas.stencil(0, 0, 1, 0.95)
        for _ in range(9):
            lean, wide = rng.uniform(-0.5, 0.5), rng.uniform(0.012, 0.05) * canvas.width
            end = (light[0] + lean * canvas.width, canvas.height * 0.95)
            shafts.polygon([light, (end[0] - wide, end[1]), (end[0] + wide, end[1])], rng.uniform(0.4, 1))
        shafts.light(canvas.palette.light, 0.16, blur=9.0)
    _people_the_land(canvas, line, rng)


def paint_city(canvas: Canvas) -> None:
    """Paint a skyline over water or a wet street, its windows lit after dark."""
    rng = canvas.rng("city")
    horizon = rng.uniform(0.62, 0.7)
    light = paint_sky(canvas, horizon)
    for number in range(4):
        share = number / 3
        _paint_buildings(canvas, horizon, share, rng)
    paint_water(canvas, horizon, light, rng)
    mirrored = canvas.picture.crop(
        (0, round(canvas.height * (2 * horizon - 1)), canvas.width, round(canvas.height * horizon))
    )
    size = (canvas.width, canvas.height - round(canvas.height * horizon))
    mirrored = mirrored.transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((canvas.width // 6, size[1])).resize(size)
    canvas.picture.paste(mirrored, (0, round(canvas.height * horizon)), fade(size, [(0, 0.75), (0.6, 0.4), (1, 0.15)]))
    if canvas.has("bridge"):
        _paint_bridge(canvas, horizon, rng)
    if canvas.has("boat"):
        paint_boat(canvas, canvas.at(rng.uniform(0.25, 0.75), horizon + 0.07), canvas.height * 0.14, rng)
    if canvas.has("birds"):
        paint_birds(canvas, rng)
    if canvas.has("figure"):
        _paint_watcher(canvas, rng, rng.choice((-1, 1)))


def _paint_buildings(canvas: Canvas, horizon: float, share: float, rng: Random) -> None:
    colour = canvas.away(0.82 - 0.74 * share)
    bottom = canvas.height * horizon
    windows = canvas.stencil(0, 0.05, 1, horizon)
    blocks = canvas.stencil(0, 0.05, 1, horizon)
    x = -rng.uniform(0, 0.05) * canvas.width
    while x < canvas.width:
        wide = canvas.width * rng.uniform(0.025, 0.06) * (0.8 + 0.6 * share)
        centre = 1 - abs((x + wide / 2) / canvas.width - 0.5) * 1.1
        tall = canvas.height * rng.uniform(0.1, 0.34) * (0.55 + 0.75 * centre) * (1.15 - 0.35 * share)
        top = bottom - tall
        blocks.rectangle(x, top, x + wide, bottom)
        crown = rng.random()
        if crown < 0.2:
            blocks.line([(x + wide / 2, top), (x + wide / 2, top - tall * 0.22)], 1.4)
        elif crown < 0.36:
            blocks.polygon([(x, top), (x + wide / 2, top - wide * 0.6), (x + wide, top)])
        elif crown < 0.55:
            blocks.rectangle(x + wide * 0.22, top - wide * 0.24, x + wide * 0.78, top)
        cell = max(3.2, wide / rng.choice((5, 6, 7)))
        if share > 0.2:
            row = top + cell
            while row < bottom - cell:
                column = x + cell * 0.6
                while column < x + wide - cell * 0.8:
                    if rng.random() < (0.4 if canvas.dark else 0.16):
                        windows.rectangle(column, row, column + cell * 0.5, row + cell * 0.62, rng.uniform(0.3, 1.0))
                    column += cell
                row += cell * 1.25
        x += wide * rng.uniform(0.98, 1.3)
    blocks.shade(
        [(0, mix(colour, canvas.palette.sky[2], 0.12)), (1, mix(colour, canvas.palette.haze, 0.3 * (1 - share) + 0.06))]
    )
    windows.paint(LAMP if canvas.dark else mix(canvas.palette.light, canvas.palette.haze, 0.3), 0.35 + 0.55 * share)


def _paint_bridge(canvas: Canvas, horizon: float, rng: Random) -> None:
    colour = canvas.away(0.06)
    deck = canvas.height * (horizon - 0.045)
    bridge = canvas.stencil(0, 0.15, 1, horizon + 0.03)
    bridge.rectangle(0, deck, canvas.width, deck + canvas.height * 0.016)
    towers = (rng.uniform(0.18, 0.26) * canvas.width, rng.uniform(0.74, 0.82) * canvas.width)
    top = deck - canvas.height * 0.27
    for x in towers:
        bridge.rectangle(x - 5, top, x - 1.5, canvas.height * (horizon + 0.02)).rectangle(
            x + 1.5, top, x + 5, canvas.height * (horizon + 0.02)
        )
        for level in range(4):
            bridge.rectangle(x - 5, top + level * canvas.height * 0.06, x + 5, top + level * canvas.height * 0.06 + 3)
    spans = ((2 * towers[0] - towers[1], towers[0]), towers, (towers[1], 2 * towers[1] - towers[0]))
    for left, right in spans:
        cable = [
            (left + (right - left) * step / 40, deck - 6 - (deck - 6 - top) * (2 * step / 40 - 1) ** 2)
            for step in range(41)
        ]
        bridge.line(cable, 2.0)
        for x, y in cable:
            bridge.line([(x, y), (x, deck)], 0.8, 0.7)
    bridge.paint(colour)


def _people_the_land(canvas: Canvas, line: list[Point], rng: Random, *, tree: bool = False) -> None:
    """Put what is asked for onto a line of land."""
    side = rng.choice((-1, 1))

    def spot(low: float, high: float, way: int) -> Point:
        wanted = canvas.width * (0.5 + way * rng.uniform(low, high))
        return min(line, key=lambda point: abs(point[0] - wanted))

    if canvas.has("lighthouse"):
        x, y = spot(0.15, 0.3, side)
        lamp = paint_lighthouse(canvas, (x, y + 4), canvas.height * 0.5, rng)
        if canvas.shines():
            paint_beam(canvas, lamp, rng)
    if canvas.has("house"):
        x, y = spot(0.12, 0.3, -side)
        paint_house(canvas, (x, y + canvas.height * 0.012), canvas.height * rng.uniform(0.1, 0.16), rng)
    if tree and (canvas.has("trees") or not canvas.has("house", "figure", "lighthouse")):
        x, y = spot(0.16, 0.34, side)
        paint_bare_tree(
            canvas, (x, y + 4), canvas.height * rng.uniform(0.36, 0.5), canvas.away(0.03), rng, crown=rng.random() < 0.6
        )
    if canvas.has("figure"):
        x, y = spot(0.02, 0.2, -side)
        size = canvas.height * (0.4 if canvas.has("close") else rng.uniform(0.2, 0.3))
        paint_figures(
            canvas,
            (x, y + size * 0.03),
            size,
            rng,
            lantern=canvas.shines() and canvas.has("lamp", "beam"),
            rim=mix(canvas.palette.light, canvas.palette.haze, 0.4),
        )
    if canvas.has("birds") or rng.random() < 0.3:
        paint_birds(canvas, rng)
