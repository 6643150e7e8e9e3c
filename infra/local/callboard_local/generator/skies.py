"""Everything above the horizon, and the weather in front of it all."""

from random import Random

from PIL import Image, ImageChops

from callboard_local.generator.canvas import Canvas
from callboard_local.generator.painting import (
    Point,
    Stencil,
    fade,
    mix,
    noise,
    radial,
    screen,
    shine,
    threshold,
    vertical,
)

LIGHTNING = (226, 226, 255)


def paint_sky(canvas: Canvas, horizon: float) -> Point:
    """Paint sky, stars, sun or moon, and clouds down to a share of the height; return where the light is."""
    rng = canvas.rng("sky")
    palette = canvas.palette
    bottom = round(canvas.height * horizon) + 2
    stops = [(share, colour) for share, colour in zip((0.0, 0.38, 0.74, 1.0), palette.sky, strict=True)]
    # Whatever lies lower is painted over this; a gap between two hills shows distance, not nothing.
    canvas.picture.paste(canvas.away(0.7), (0, 0, *canvas.picture.size))
    canvas.picture.paste(vertical((canvas.width, bottom), stops), (0, 0))
    low = canvas.hour in {"dawn", "dusk"}
    light = canvas.at(
        rng.choice((rng.uniform(0.12, 0.36), rng.uniform(0.62, 0.88))),
        horizon * (rng.uniform(0.72, 0.98) if low else rng.uniform(0.16, 0.44)),
    )
    if canvas.hour == "night":
        _paint_stars(canvas, horizon, rng)
    if canvas.hour == "night":
        _paint_moon(canvas, light, rng)
    elif canvas.hour != "storm":
        _paint_sun(canvas, light, horizon)
    else:
        shine(canvas.picture, light, canvas.height * 0.5, palette.haze, 0.5, 2.0, squash=0.5)
    _paint_clouds(canvas, horizon, light, rng)
    if canvas.has("lightning"):
        _paint_lightning(canvas, horizon, rng)
    return light


def _paint_stars(canvas: Canvas, horizon: float, rng: Random) -> None:
    band = noise((canvas.width, round(canvas.height * horizon)), rng, (5, 3), 4)
    milky = ImageChops.multiply(threshold(band, 0.5, 0.95, 0.5), fade(band.size, [(0, 0.9), (0.75, 0.35), (1, 0)]))
    screen(canvas.picture, milky, (0, 0), mix(canvas.palette.cloud, (170, 180, 230), 0.4))
    stars = canvas.stencil(0, 0, 1, horizon)
    for _ in range(340):
        x, y = canvas.at(rng.random(), rng.random() ** 1.35 * horizon)
        stars.ellipse(
            (x, y), rng.choice((0.5, 0.5, 0.7, 0.7, 1.0)) * canvas.height / 540, opacity=rng.uniform(0.25, 1.0)
        )
    stars.light((240, 244, 255))
    for _ in range(7):
        shine(
            canvas.picture,
            canvas.at(rng.random(), rng.uniform(0.02, 0.7) * horizon),
            canvas.height * 0.013,
            (230, 238, 255),
            0.9,
            1.8,
        )


def _paint_moon(canvas: Canvas, light: Point, rng: Random) -> None:
    palette = canvas.palette
    radius = canvas.height * rng.uniform(0.034, 0.07)
    shine(canvas.picture, light, canvas.height * 0.7, palette.light, 0.3, 2.6)
    shine(canvas.picture, light, radius * 3.2, palette.light, 0.5, 2.4)
    box = (light[0] - radius * 1.1, light[1] - radius * 1.1, light[0] + radius * 1.1, light[1] + radius * 1.1)
    disc = Stencil(canvas.picture, box).ellipse(light, radius)
    if rng.random() < 0.4:
        disc.ellipse((light[0] + radius * 0.5, light[1] - radius * 0.18), radius * 0.88, opacity=0.0)
        disc.paint(mix(palette.light, (255, 255, 255), 0.5))
        return
    disc.paint(mix(palette.light, (255, 255, 255), 0.45))
    maria = Stencil(canvas.picture, box)
    for _ in range(7):
        maria.ellipse(
            (light[0] + rng.gauss(0, radius * 0.36), light[1] + rng.gauss(0, radius * 0.36)),
            radius * rng.uniform(0.1, 0.3),
            opacity=rng.uniform(0.4, 1),
        )
    maria.paint(mix(palette.light, palette.sky[2], 0.6), 0.32, blur=radius * 0.07)


def _paint_sun(canvas: Canvas, light: Point, horizon: float) -> None:
    palette = canvas.palette
    low = canvas.hour in {"dawn", "dusk"}
    dim = 0.45 if canvas.hour == "overcast" else 1.0
    shine(canvas.picture, light, canvas.width * 0.62, palette.light, 0.5 * dim, 2.4, squash=0.75 if low else 1.0)
    shine(canvas.picture, light, canvas.height * 0.24, palette.light, 0.7 * dim, 2.0)
    if canvas.hour != "overcast":
        radius = canvas.height * (0.058 if low else 0.036)
        canvas.stencil(0, 0, 1, horizon).ellipse(light, radius).paint(
            mix(palette.light, (255, 255, 250), 0.55), blur=0.7
        )


def _paint_clouds(canvas: Canvas, horizon: float, light: Point, rng: Random) -> None:
    palette = canvas.palette
    amount = {"storm": 0.95, "overcast": 0.8, "night": 0.34}.get(canvas.hour, rng.uniform(0.35, 0.62))
    amount = max(amount, 0.6) if canvas.has("clouds") else amount
    size = (canvas.width, round(canvas.height * horizon))
    falloff = fade(size, [(0, 0.9), (0.5, 1.0), (0.86, 0.6), (1, 0.05)])
    reach = max(2, round(canvas.height * 0.016))
    way = reach if light[0] < canvas.width / 2 else -reach
    for layer in range(2):
        wide = (size[0] + 2 * reach, size[1] + reach)
        shape = noise(wide, rng, (rng.randint(3, 6), rng.randint(5, 9)), 5, 0.58)
        cut = 0.62 - 0.3 * amount + 0.05 * layer
        thick = threshold(shape, cut, cut + 0.26, 0.92)
        body = ImageChops.multiply(thick.crop((reach, reach, reach + size[0], reach + size[1])), falloff)
        shadow = mix(palette.shadow, palette.sky[1], 0.35 if layer else 0.15)
        top = mix(palette.cloud, palette.sky[2], 0.3 - 0.25 * layer)
        canvas.picture.paste(vertical(size, [(0, shadow), (0.55, mix(shadow, top, 0.6)), (1, top)]), (0, 0), body)
        # The side that faces the light: where a cloud is thicker than it is a little nearer to the light.
        nearer = thick.crop((reach - way, 0, reach - way + size[0], size[1]))
        edge = ImageChops.subtract(body, ImageChops.multiply(nearer, falloff))
        near = radial((round(canvas.width * 1.3), round(canvas.height * 1.5)), 1.1)
        lit = Image.new("L", size)
        lit.paste(near, (round(light[0]) - near.width // 2, round(light[1]) - near.height // 2))
        strength = 0.35 if canvas.hour in {"night", "storm", "overcast"} else 0.95
        glow = ImageChops.multiply(edge, lit).point([min(255, round(value * 1.7 * strength)) for value in range(256)])
        screen(canvas.picture, glow, (0, 0), palette.light)


def _paint_lightning(canvas: Canvas, horizon: float, rng: Random) -> None:
    x, y = canvas.at(rng.uniform(0.15, 0.85), 0.0)
    shine(canvas.picture, (x, canvas.height * 0.2), canvas.width * 0.5, LIGHTNING, 0.5, 2.2)
    points = [(x, y)]
    while y < canvas.height * horizon:
        x, y = x + rng.gauss(0, canvas.width * 0.017), y + canvas.height * rng.uniform(0.02, 0.05)
        points.append((x, y))
    for width, blur, strength in ((9.0, 7.0, 0.6), (2.2, 0.6, 1.0)):
        bolt = canvas.stencil(0, 0, 1, horizon).line(points, width * canvas.height / 540)
        for start in range(3, len(points) - 4, 5):
            fork = [points[start]]
            lean = rng.choice((-1, 1))
            for _ in range(4):
                fork.append(
                    (fork[-1][0] + lean * canvas.width * rng.uniform(0.004, 0.02), fork[-1][1] + canvas.height * 0.028)
                )
            bolt.line(fork, width * 0.45 * canvas.height / 540, 0.8)
        bolt.light(LIGHTNING, strength, blur)


def paint_weather(canvas: Canvas) -> None:
    """Paint fog, rain or snow in front of everything."""
    rng = canvas.rng("weather")
    if canvas.has("fog"):
        size = canvas.picture.size
        drift = threshold(noise(size, rng, (3, 7), 4), 0.2, 0.85)
        veil = ImageChops.multiply(drift, fade(size, [(0, 0.1), (0.4, 0.7), (0.62, 0.95), (1, 0.65)]))
        canvas.picture.paste(mix(canvas.palette.haze, canvas.palette.cloud, 0.3), (0, 0, *size), veil)
    if canvas.has("rain") and not canvas.has("snow"):
        slant = rng.uniform(0.18, 0.42) * rng.choice((-1, 1))
        for count, length, width, strength in ((260, 0.05, 0.7, 0.3), (110, 0.1, 1.2, 0.34)):
            drops = canvas.stencil()
            for _ in range(count):
                x, y = canvas.at(rng.uniform(-0.1, 1.1), rng.uniform(-0.1, 1.0))
                fall = canvas.height * length * rng.uniform(0.6, 1.3)
                drops.line([(x, y), (x + slant * fall, y + fall)], width * canvas.height / 540, rng.uniform(0.4, 1.0))
            drops.light(mix(canvas.palette.haze, (255, 255, 255), 0.4), strength)
    if canvas.has("snow"):
        for count, largest, blur in ((320, 1.6, 0.4), (70, 3.6, 1.4)):
            flakes = canvas.stencil()
            for _ in range(count):
                flakes.ellipse(
                    canvas.at(rng.random(), rng.random()),
                    rng.uniform(0.5, largest) * canvas.height / 540,
                    opacity=rng.uniform(0.4, 1),
                )
            flakes.paint((250, 252, 255), 0.85, blur)
