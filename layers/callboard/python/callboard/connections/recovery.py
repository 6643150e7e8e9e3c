"""Subscribing: from now on, and what was missed."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from callboard.connections import repository
from callboard.connections.errors import ContextNotFoundError, TooManySubscriptionsError
from callboard.connections.models import MAX_MESSAGE_BYTES, Connection, Since, Subscribe
from callboard.connections.service import encode
from callboard.crash import crash_point
from callboard.database import Database
from callboard.events import repository as event_log
from callboard.events.messages import message_of
from callboard.events.repository import Context

MAX_SUBSCRIPTIONS = 100
# Beyond this a client is better served by a snapshot.
MAX_REPLAY = 1000


def subscribe(db: Database, connection: Connection, request: Subscribe) -> Iterator[dict[str, Any]]:
    """Register a subscription and return its acknowledgement, then the updates that were missed, in order.

    The subscription is registered before the log is read, so that nothing falls between: what happens meanwhile may
    come twice, and before the acknowledgement.

    Raises:
        ContextNotFoundError: There is no such card or project for the connection's tenant.
        TooManySubscriptionsError: The connection follows too much already.
    """
    context = event_log.context(db, connection.tenant, request.context_id)
    if context is None:
        raise ContextNotFoundError
    if request.context_id not in connection.contexts and len(connection.contexts) >= MAX_SUBSCRIPTIONS:
        raise TooManySubscriptionsError
    repository.put_subscription(connection, request.context_id)
    crash_point("ws_message.after_register")
    return _recover(db, connection.tenant, request)


def _recover(db: Database, tenant: str, request: Subscribe) -> Iterator[dict[str, Any]]:
    context = event_log.context(db, tenant, request.context_id)
    if context is None:
        raise ContextNotFoundError
    offsets = event_log.offsets_of_project(db, tenant, context.id) if context.card_id is None else {}
    missed: list[dict[str, Any]] = []
    recovered = True
    if request.since is not None:
        recovered = _reaches_back(context, offsets, request.since)
        if recovered:
            rows = event_log.after(db, context.id, request.since.offset, MAX_REPLAY + 1)
            if context.card_id is None:
                rows += event_log.after_in_cards(db, context.id, request.since.cards, MAX_REPLAY + 1)
            recovered = len(rows) <= MAX_REPLAY
            missed = [message_of(row.as_event()) for row in rows] if recovered else []
    crash_point("ws_message.after_read")
    yield _acknowledgement(db, context, offsets, request, recovered)
    yield from missed


def _reaches_back(context: Context, offsets: dict[UUID, Context], since: Since) -> bool:
    """Return whether the log holds everything after what the client has seen, and the client is not ahead of it."""
    if not context.oldest_offset - 1 <= since.offset <= context.last_offset:
        return False
    return all(
        card.oldest_offset - 1 <= since.cards.get(card_id, 0) <= card.last_offset for card_id, card in offsets.items()
    )


def _acknowledgement(
    db: Database, context: Context, offsets: dict[UUID, Context], request: Subscribe, recovered: bool
) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "type": "subscribed",
        "id": request.id,
        "context_id": str(context.id),
        "offset": context.last_offset,
        "recovered": recovered,
    }
    if context.card_id is None:
        answer["cards"] = {str(card_id): card.last_offset for card_id, card in offsets.items()}
    if not recovered:
        answer["snapshot"] = event_log.snapshot(db, context)
    if len(encode(answer)) > MAX_MESSAGE_BYTES and "snapshot" in answer:
        noun = "projects" if context.card_id is None else "cards"
        answer["snapshot_url"] = f"/api/{noun}/{context.id}"
        del answer["snapshot"]
    if len(encode(answer)) > MAX_MESSAGE_BYTES and "cards" in answer:
        answer["cards_url"] = f"/api/projects/{context.id}/offsets"
        del answer["cards"]
    return answer
