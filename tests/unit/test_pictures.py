"""Pictures made small."""

import io

import pytest
from PIL import Image

from callboard import pictures
from callboard.pictures import reduced, shown


def drawn(size: tuple[int, int], mode: str = "RGB", color: object = 0, form: str = "PNG") -> bytes:
    content = io.BytesIO()
    Image.new(mode, size, color).save(content, form)  # type: ignore[arg-type]  # a mode decides what a colour is
    return content.getvalue()


def opened(content: bytes | None) -> Image.Image:
    assert content is not None
    return Image.open(io.BytesIO(content))


def test_a_picture_keeps_its_shape_and_is_as_large_as_asked() -> None:
    assert opened(reduced(drawn((400, 100)), 100, "PNG")).size == (100, 25)


def test_a_small_picture_is_not_made_larger() -> None:
    assert opened(reduced(drawn((4, 3)), 100, "PNG")).size == (4, 3)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_picture_comes_in_the_format_that_was_asked_for(form: str) -> None:
    small = reduced(drawn((4, 3), form="GIF"), 100, "JPEG" if form == "JPEG" else "PNG")

    assert opened(small).format == form


def test_what_can_be_seen_through_is_white() -> None:
    small = opened(reduced(drawn((2, 2), "RGBA", (0, 0, 0, 0)), 100, "PNG"))

    assert small.getpixel((0, 0)) == (255, 255, 255)


def test_a_picture_that_is_vast_when_it_is_open_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_PIXELS", 99)

    assert reduced(drawn((10, 10)), 100, "PNG") is None


@pytest.mark.parametrize("form", ["ICO", "DDS", "SPIDER", "TIFF", "AVIF", "BMP"])
def test_only_what_services_may_send_is_opened(form: str) -> None:
    mode = "F" if form == "SPIDER" else "RGB"

    assert reduced(drawn((16, 16), mode, form=form), 100, "PNG") is None


@pytest.mark.parametrize("content", [b"", b"no picture", drawn((9, 9))[:40]], ids=["empty", "text", "cut"])
def test_what_cannot_be_drawn_is_none(content: bytes) -> None:
    assert reduced(content, 100, "PNG") is None


def test_a_picture_that_is_small_already_stays_as_it_is() -> None:
    whole = drawn((40, 30), form="WEBP")

    assert shown(whole, 100, 10_000) == (whole, "image/webp")


@pytest.mark.parametrize(("side", "size"), [(39, 10_000), (100, 10)])
def test_a_picture_that_is_too_large_is_made_small(side: int, size: int) -> None:
    small = shown(drawn((40, 30)), side, size)

    assert small is not None
    assert small[1] == "image/jpeg"
    assert max(opened(small[0]).size) <= side


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_what_is_no_picture_is_not_shown(content: bytes) -> None:
    assert shown(content, 100, 100) is None
