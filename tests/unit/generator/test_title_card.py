"""Titles are wrapped, and cut when they are too long."""

from PIL import Image, ImageChops, ImageFont

from callboard_local.generator.title_card import MAX_LINES, set_title, wrap


def test_wrap_keeps_lines_within_the_width() -> None:
    font = ImageFont.load_default(20)

    lines = wrap("The keeper of the lighthouse climbs the stairs for the last time", font, 240)

    assert len(lines) > 1
    assert all(font.getlength(line) <= 240 for line in lines)
    assert " ".join(lines) == "The keeper of the lighthouse climbs the stairs for the last time"


def test_wrap_too_long_a_text_ends_with_an_ellipsis() -> None:
    font = ImageFont.load_default(20)

    lines = wrap("lighthouse " * 100, font, 240)

    assert len(lines) == MAX_LINES
    assert lines[-1].endswith("…")
    assert font.getlength(lines[-1]) <= 240


def test_wrap_one_endless_word_is_broken() -> None:
    font = ImageFont.load_default(20)

    lines = wrap("W" * 500, font, 240)

    assert len(lines) == MAX_LINES
    assert all(font.getlength(line) <= 240 for line in lines)


def test_set_title_other_text_gives_other_pixels() -> None:
    one, other = Image.new("RGB", (480, 270), "grey"), Image.new("RGB", (480, 270), "grey")

    set_title(one, "A storm", "SEA", (255, 200, 100))
    set_title(other, "A calm", "SEA", (255, 200, 100))

    assert ImageChops.difference(one, other).getbbox() is not None
