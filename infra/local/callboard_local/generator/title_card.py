"""The prompt set over the lower third of a picture."""

from PIL import Image, ImageDraw, ImageFont

from callboard_local.generator.painting import Colour, fade, mix

MAX_LINES = 3
PAPER: Colour = (246, 242, 232)
INK: Colour = (6, 8, 13)


def set_title(picture: Image.Image, title: str, slate: str, accent: Colour) -> None:
    """Set a title, wrapped to at most three lines, and a small line above it."""
    width, height = picture.size
    text_size = max(9.0, min(width * 0.030, height * 0.056))
    font = ImageFont.load_default(text_size)
    small = ImageFont.load_default(max(7.0, text_size * 0.46))
    margin = round(width * 0.052)
    lines = wrap(" ".join(title.split()), font, width - 2 * margin - text_size)
    leading = text_size * 1.28
    block = len(lines) * leading
    top = height - block - text_size * 0.9
    panel_top = max(0, round(top - text_size * 3.6))
    panel = (width, height - panel_top)
    picture.paste(INK, (0, panel_top, *picture.size), fade(panel, [(0, 0.0), (0.34, 0.42), (0.62, 0.7), (1, 0.84)]))
    draw = ImageDraw.Draw(picture)
    colour = mix(accent, PAPER, 0.35)
    bar = max(2, round(text_size * 0.13))
    draw.rectangle(
        (margin, round(top - text_size * 0.78), margin + bar, round(top + block - text_size * 0.2)), fill=colour
    )
    left = margin + bar + text_size * 0.55
    draw.text((left, top - text_size * 0.86), slate, font=small, fill=colour)
    for number, line in enumerate(lines):
        draw.text((left, top + number * leading), line, font=font, fill=PAPER)


def wrap(
    text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float, most: int = MAX_LINES
) -> list[str]:
    """Break a text into lines no wider than `width`; what does not fit in `most` lines is cut with an ellipsis."""
    lines: list[str] = []
    left = text
    while left and len(lines) < most:
        count = _fitting(left, font, width)
        line = left[:count]
        if count < len(left):
            space = line.rfind(" ")
            if left[count] != " " and space > 0:
                line = line[:space]
        lines.append(line.strip())
        left = left[len(line) :].strip()
    if left:
        last = lines[-1]
        while last and font.getlength(f"{last}…") > width:
            last = last[:-1]
        lines[-1] = f"{last.rstrip(' ,.;:')}…"
    return lines or [""]


def _fitting(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> int:
    """Return how many characters fit, at least one."""
    low, high = 1, min(len(text), 400)
    while low < high:
        middle = (low + high + 1) // 2
        if font.getlength(text[:middle]) <= width:
            low = middle
        else:
            high = middle - 1
    return low
