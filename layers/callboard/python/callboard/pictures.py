"""Pictures made small: whatever a service sent, opened without harm and no larger than it is needed.

Needs Pillow, which only the pictures layer has.
"""

import io
from typing import Literal

from PIL import Image, UnidentifiedImageError

# A small file may say that it is vast; open, a picture takes four bytes a pixel.
MAX_PIXELS = 40_000_000

# What each format is worth here: nearly lossless, and quickly written.
_SAVING: dict[str, dict[str, int]] = {"JPEG": {"quality": 90}, "PNG": {"compress_level": 1}}


def reduced(content: bytes, side: int, form: Literal["JPEG", "PNG"]) -> bytes | None:
    """Return a picture whose sides are at most so many pixels, on white; None if it is none that can be drawn.

    Of one that moves, its first frame.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.width * image.height > MAX_PIXELS:
                return None
            image.thumbnail((side, side))
            drawn = Image.new("RGB", image.size, "white")
            if image.has_transparency_data:
                with_alpha = image.convert("RGBA")
                drawn.paste(with_alpha, mask=with_alpha)
            else:
                drawn.paste(image.convert("RGB"))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
    small = io.BytesIO()
    drawn.save(small, form, **_SAVING[form])
    return small.getvalue()
