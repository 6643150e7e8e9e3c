"""Keyset pagination: a cursor says where the next page starts, so that every page costs the same."""

import base64
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, Field

from callboard.errors import InvalidInputError

DEFAULT_LIMIT = 50
MAX_LIMIT = 200

Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT)]


class Page[Item](BaseModel):
    """One page of a list; `next_cursor` is null on the last."""

    items: list[Item]
    next_cursor: str | None = None


class InvalidCursorError(InvalidInputError):
    """The cursor was not made by this list."""

    code = "INVALID_CURSOR"


def encode_cursor(*key: Any) -> str:
    """Encode the sort key of a page's last item; values must be strings or integers."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, *types: Callable[[Any], Any]) -> tuple[Any, ...] | None:
    """Decode a cursor into a sort key of these types; None stays None: the first page.

    Raises:
        InvalidCursorError: It is not a cursor of this list.
    """
    if cursor is None:
        return None
    try:
        key = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        return tuple(convert(value) for convert, value in zip(types, key, strict=True))
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidCursorError from error


def page_of[Item](rows: Sequence[Item], limit: int, key: Callable[[Item], tuple[Any, ...]]) -> Page[Item]:
    """Make a page of rows that were read with `limit + 1`, so that the extra one tells whether more follow."""
    items = list(rows[:limit])
    more = len(rows) > limit
    return Page(items=items, next_cursor=encode_cursor(*key(items[-1])) if more else None)
