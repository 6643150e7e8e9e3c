"""Contact sheets hold every frame under its section."""

import io

import pytest
from PIL import Image, ImageFont

from tool_contact_sheet.drawing import Frame, columns_for, draw_contact_sheet, wrapped


def frame(caption: str, section: str, colour: str) -> Frame:
    file = io.BytesIO()
    Image.new("RGB", (96, 54), colour).save(file, "PNG")
    return Frame(caption, section, file.getvalue())


def colours_of(png: bytes) -> dict[tuple[int, ...], int]:
    with Image.open(io.BytesIO(png)) as sheet:
        found = sheet.convert("RGB").getcolors(sheet.width * sheet.height)
    assert found is not None
    return {tuple(colour): count for count, colour in found if isinstance(colour, tuple)}


def rows_of(png: bytes, colour: tuple[int, int, int]) -> int:
    """Return the first row in which a colour appears in the middle of its frame."""
    with Image.open(io.BytesIO(png)) as sheet:
        picture = sheet.convert("RGB")
        for y in range(0, picture.height, 5):
            for x in range(80, picture.width, 40):
                if picture.getpixel((x, y)) == colour:
                    return y
    raise AssertionError(f"{colour} is nowhere")


@pytest.mark.parametrize("count", [1, 4, 13, 60])
def test_draw_contact_sheet_shows_every_frame(count: int) -> None:
    shades = [(3 * number, 255 - 3 * number, 200) for number in range(count)]
    frames = [frame(f"Shot {number}", f"Act {number % 3}", f"rgb{shade}") for number, shade in enumerate(shades)]

    shown = colours_of(draw_contact_sheet("Teaser", frames))

    # More than a stray pixel of each: the frames, not their blended edges.
    assert all(shown.get(shade, 0) > 10_000 for shade in shades)


def test_draw_contact_sheet_groups_frames_by_section_in_order_of_appearance() -> None:
    red, green, blue = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    frames = [frame("a", "First", "red"), frame("b", "Second", "#00ff00"), frame("c", "First", "blue")]

    png = draw_contact_sheet("Teaser", frames)

    assert rows_of(png, red) == rows_of(png, blue) < rows_of(png, green)


def test_draw_contact_sheet_without_frames_is_a_title_alone() -> None:
    with Image.open(io.BytesIO(draw_contact_sheet("Nothing yet", []))) as sheet:
        assert sheet.format == "PNG"


@pytest.mark.parametrize(("sizes", "columns"), [([2], 2), ([4, 4, 4], 4), ([3, 3, 3], 3), ([5, 5, 5], 5)])
def test_columns_for_leaves_few_gaps(sizes: list[int], columns: int) -> None:
    assert columns_for(sizes) == columns


def test_wrapped_long_caption_is_shortened() -> None:
    font = ImageFont.load_default(19)

    lines = wrapped("word " * 80, font, 200, 2)

    assert len(lines) == 2
    assert lines[-1].endswith("…")
    assert all(font.getlength(line) <= 200 for line in lines)
