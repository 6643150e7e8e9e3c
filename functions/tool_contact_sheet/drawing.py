"""One picture of many: frames under the headings of their sections."""

import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from PIL import Image, ImageDraw, ImageFont, ImageOps

WIDTH = 1920
MARGIN = 72
GAP = 28
CAPTION_SIZE = 19
CAPTION_LINES = 2
CAPTION_HEIGHT = 70
HEADING_HEIGHT = 84
TITLE_HEIGHT = 168
PAPER = (244, 240, 231)
INK = (28, 30, 36)
MUTED = (122, 116, 106)
RULE = (206, 199, 184)
ACCENT = (176, 84, 52)


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture, what it shows and where it belongs."""

    caption: str
    section: str
    png: bytes


def draw_contact_sheet(title: str, frames: Sequence[Frame]) -> bytes:
    """Draw a contact sheet as a PNG.

    Sections stand in the order in which they first appear, and their frames in the given order.
    """
    sections = _sections_of(frames)
    columns = columns_for([len(members) for _, members in sections])
    cell = (WIDTH - 2 * MARGIN - (columns - 1) * GAP) // columns
    picture_height = round(cell * 9 / 16)
    row_height = picture_height + CAPTION_HEIGHT + GAP // 2
    height = TITLE_HEIGHT + MARGIN
    for _, members in sections:
        height += HEADING_HEIGHT + math.ceil(len(members) / columns) * row_height
    sheet = Image.new("RGB", (WIDTH, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    _draw_title(draw, title, len(frames), len(sections))
    top = TITLE_HEIGHT
    number = 0
    for section, members in sections:
        _draw_heading(draw, top, section, len(members))
        top += HEADING_HEIGHT
        for position, frame in enumerate(members):
            row, column = divmod(position, columns)
            number += 1
            corner = (MARGIN + column * (cell + GAP), top + row * row_height)
            _draw_frame(sheet, draw, corner, (cell, picture_height), number, frame)
        top += math.ceil(len(members) / columns) * row_height
    file = io.BytesIO()
    sheet.save(file, "PNG", compress_level=6)
    return file.getvalue()


def columns_for(sizes: Iterable[int]) -> int:
    """Return how many frames to set side by side, so that sections of these sizes leave few gaps."""
    counts = list(sizes)
    total = sum(counts)
    if total <= 4:
        return 2
    usual = 3 if total <= 12 else 4 if total <= 32 else 5

    def empty(columns: int) -> int:
        return sum(-count % columns for count in counts)

    return min(range(max(3, usual - 1), usual + 2), key=lambda columns: (empty(columns), abs(columns - usual)))


def _sections_of(frames: Sequence[Frame]) -> list[tuple[str, list[Frame]]]:
    order = {section: number for number, section in reversed(list(enumerate(frame.section for frame in frames)))}
    ordered = sorted(frames, key=lambda frame: order[frame.section])
    return [(section, list(members)) for section, members in groupby(ordered, key=lambda frame: frame.section)]


def _draw_title(draw: ImageDraw.ImageDraw, title: str, frames: int, sections: int) -> None:
    font = ImageFont.load_default(54)
    small = ImageFont.load_default(20)
    summary = f"{_counted(frames, 'picture')}  /  {_counted(sections, 'section')}"
    room = WIDTH - 2 * MARGIN - small.getlength(summary) - 60
    draw.text((MARGIN, 66), _shortened(title, font, room), font=font, fill=INK, anchor="lt")
    draw.text((WIDTH - MARGIN, 108), summary, font=small, fill=MUTED, anchor="rs")
    draw.rectangle((MARGIN, 138, WIDTH - MARGIN, 141), fill=INK)


def _draw_heading(draw: ImageDraw.ImageDraw, top: int, section: str, count: int) -> None:
    font = ImageFont.load_default(28)
    base = top + 54
    text = _shortened(section, font, WIDTH - 2 * MARGIN - 160)
    draw.rectangle((MARGIN, base - 22, MARGIN + 6, base + 2), fill=ACCENT)
    draw.text((MARGIN + 20, base), text, font=font, fill=INK, anchor="ls")
    left = MARGIN + 20 + font.getlength(text) + 20
    draw.line((left, base - 9, WIDTH - MARGIN - 46, base - 9), fill=RULE, width=2)
    draw.text((WIDTH - MARGIN, base), str(count), font=ImageFont.load_default(22), fill=MUTED, anchor="rs")


def _draw_frame(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    size: tuple[int, int],
    number: int,
    frame: Frame,
) -> None:
    left, top = corner
    with Image.open(io.BytesIO(frame.png)) as picture:
        sheet.paste(ImageOps.fit(picture.convert("RGB"), size, Image.Resampling.LANCZOS), corner)
    draw.rectangle((left, top, left + size[0] - 1, top + size[1] - 1), outline=INK)
    font = ImageFont.load_default(CAPTION_SIZE)
    label = f"{number:02}"
    indent = font.getlength(label) + 12
    draw.text((left, top + size[1] + 11), label, font=font, fill=ACCENT)
    for line_number, line in enumerate(wrapped(frame.caption, font, size[0] - indent, CAPTION_LINES)):
        at = (left + indent, top + size[1] + 11 + line_number * CAPTION_SIZE * 1.28)
        draw.text(at, line, font=font, fill=INK)


def wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float, most: int) -> list[str]:
    """Break a text at its spaces into at most so many lines; the last one is shortened to fit."""
    lines: list[str] = []
    words = text.split()
    while words and len(lines) < most - 1:
        line = words.pop(0)
        while words and font.getlength(f"{line} {words[0]}") <= width:
            line = f"{line} {words.pop(0)}"
        lines.append(_shortened(line, font, width))
    if words:
        lines.append(_shortened(" ".join(words), font, width))
    return lines


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _shortened(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text.rstrip(' ,.;:')}…"
