"""Encoding messages, and answering pings."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callboard.connections import repository, service
from callboard.connections.models import MAX_MESSAGE_BYTES, Connection, Holder

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def update(card_id: str | None, title: str) -> dict[str, Any]:
    return {
        "type": "card_update",
        "context_id": card_id or "p",
        "offset": 7,
        "event_id": "e",
        "topic": "card.updated",
        "project_id": "p",
        "card_id": card_id,
        "data": {"title": title},
    }


def test_an_update_that_just_fits_is_sent_whole() -> None:
    room = MAX_MESSAGE_BYTES - len(service.encode(update("c", "")))

    whole, thin = (json.loads(service.encode(update("c", "x" * size))) for size in (room, room + 1))

    assert len(service.encode(update("c", "x" * room))) == MAX_MESSAGE_BYTES
    assert whole == update("c", "x" * room)
    assert thin["thin"] is True


@pytest.mark.parametrize(
    ("card_id", "url"), [("c", "/api/cards/c/updates?after=6"), (None, "/api/projects/p/updates?after=6")]
)
def test_an_update_that_is_too_large_says_where_to_read_it(card_id: str | None, url: str) -> None:
    assert json.loads(service.encode(update(card_id, "x" * MAX_MESSAGE_BYTES))) == {
        "type": "card_update",
        "context_id": card_id or "p",
        "offset": 7,
        "event_id": "e",
        "topic": "card.updated",
        "thin": True,
        "url": url,
    }


def test_size_is_counted_as_it_is_sent() -> None:
    assert json.loads(service.encode(update("c", "\u706f" * 6000)))["thin"] is True


@pytest.mark.parametrize(("minutes", "kind"), [(0, "pong"), (105, "pong"), (106, "reconnect"), (119, "reconnect")])
def test_a_ping_on_an_old_connection_is_answered_with_the_wish_to_reconnect(
    minutes: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = Connection("c1", Holder("alice", "user", "alice", "correlation"), NOW, expires_at=0)
    monkeypatch.setattr(repository, "now", lambda: NOW + timedelta(minutes=minutes))

    assert service.answer_to_ping(connection) == {"type": kind}
