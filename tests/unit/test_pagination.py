"""Pages: every item once, a cursor only while more follow, foreign cursors refused."""

import base64
from datetime import datetime

import pytest

from callboard.pagination import InvalidCursorError, decode_cursor, encode_cursor, page_of


def test_cursor_brings_its_key_back() -> None:
    cursor = encode_cursor("2026-11-23T08:00:00+00:00", 7)

    assert decode_cursor(cursor, datetime.fromisoformat, int) == (
        datetime.fromisoformat("2026-11-23T08:00:00+00:00"),
        7,
    )


def test_cursor_needs_no_quoting_in_a_url() -> None:
    for number in range(300):
        assert set(encode_cursor("ÿ>?" * number)) <= set(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        )


def test_no_cursor_is_the_first_page() -> None:
    assert decode_cursor(None, int) is None


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "?",
        "AAAA",
        "not a cursor",
        "ÿ",
        base64.urlsafe_b64encode(b"null").decode(),
        base64.urlsafe_b64encode(b'{"a": 1}').decode(),
        base64.urlsafe_b64encode(b'["x"]').decode(),
        base64.urlsafe_b64encode(b"[1, 2]").decode(),
        base64.urlsafe_b64encode(b"[null]").decode(),
        base64.urlsafe_b64encode(b"[[1]]").decode(),
        base64.urlsafe_b64encode(b"[" * 40).decode(),
    ],
)
def test_what_is_no_cursor_of_the_list_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursorError):
        decode_cursor(cursor, int)


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (1, 1), (2, 1), (3, 2), (4, 2), (5, 3)])
def test_pages_hold_every_item_once(count: int, pages: int) -> None:
    numbers = list(range(count))
    seen: list[int] = []
    cursor: str | None = None
    for turn in range(1, pages + 1):
        after = decode_cursor(cursor, int)
        rows = [number for number in numbers if after is None or number > after[0]][:3]
        page = page_of(rows, 2, lambda number: (number,))
        seen += page.items
        cursor = page.next_cursor
        assert (cursor is None) is (turn == pages)

    assert seen == numbers
