"""Pictures made small: whatever a service sent, opened without harm and no larger than it is needed.

Needs Pillow, which only the pictures layer has.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from PIL import Image, UnidentifiedImageError

# A small file may say that it is vast; open, a picture takes four bytes a pixel.
MAX_PIXELS = 40_000_000
# What outputs may be. The library knows many more formats, and a file may be any, whatever its service calls it.
MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}

# What each format is worth here: nearly lossless, and quickly written.
_SAVING: dict[str, dict[str, int]] = {"JPEG": {"quality": 90}, "PNG": {"compress_level": 1}}


class _UnusableError(Exception):
    """Not a picture that can be drawn."""


def reduced(content: bytes, side: int, form: Literal["JPEG", "PNG"]) -> bytes | None:
    """Return a picture whose sides are at most so many pixels, on white; None if it is none that can be drawn.

    Of one that moves, its first frame.
    """
    try:
        with _opened(content) as image:
            return _small(image, side, form)
    except _UnusableError:
        return None


def shown(content: bytes, side: int, max_bytes: int) -> tuple[bytes, str] | None:
    """Return a picture and its media type: as it is, if it is small already; None if it is none that can be drawn."""
    try:
        with _opened(content) as image:
            if max(image.size) <= side and len(content) <= max_bytes:
                image.verify()
                return content, MEDIA_TYPES[image.format or ""]
            return _small(image, side, "JPEG"), MEDIA_TYPES["JPEG"]
    except _UnusableError:
        return None


@contextmanager
def _opened(content: bytes) -> Iterator[Image.Image]:
    try:
        with Image.open(io.BytesIO(content), formats=tuple(MEDIA_TYPES)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise _UnusableError
            yield image
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _UnusableError from error


def _small(image: Image.Image, side: int, form: Literal["JPEG", "PNG"]) -> bytes:
    image.thumbnail((side, side))
    drawn = Image.new("RGB", image.size, "white")
    if image.has_transparency_data:
        with_alpha = image.convert("RGBA")
        drawn.paste(with_alpha, mask=with_alpha)
    else:
        drawn.paste(image.convert("RGB"))
    small = io.BytesIO()
    drawn.save(small, form, **_SAVING[form])
    return small.getvalue()
