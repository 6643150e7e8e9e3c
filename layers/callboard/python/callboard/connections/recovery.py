"""Subscribing: from now on, and what was missed."""

from collections.abc import Mapping, Sequence
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
from callboard.events.models import EventRow
from callboard.events.repository import Context

MAX_SUBSCRIPTIONS = 100
# Beyond this a client is better served by a snapshot.
MAX_REPLAY = 1000


def subscribe(db: Database, connection: Connection, request: Subscribe) -> list[dict[str, Any]]:
    """Register a subscription and return its acknowledgement, then the updates that were missed, in order.

    The subscription is registered before the log is read, so that nothing falls between: what happens meanwhile may
    come twice, and before the acknowledgement.

    Raises:
        ContextNotFoundError: There is no such card or project for the connection's tenant.
        TooManySubscriptionsError: The connection follows too much already.
    """
    tenant, correlation_id = connection.holder.tenant, connection.holder.correlation_id
    if event_log.context(db, tenant, request.context_id) is None:
        raise ContextNotFoundError
    if request.context_id not in connection.contexts and len(connection.contexts) >= MAX_SUBSCRIPTIONS:
        raise TooManySubscriptionsError
    repository.put_subscription(connection, request.context_id)
    crash_point("ws_message.after_register", correlation_id)
    answers = _recover(db, tenant, request)
    crash_point("ws_message.after_read", correlation_id)
    return answers


def _recover(db: Database, tenant: str, request: Subscribe) -> list[dict[str, Any]]:
    context = event_log.context(db, tenant, request.context_id)
    if context is None:
        raise ContextNotFoundError
    offsets = event_log.offsets_of_project(db, tenant, context.id) if context.card_id is None else {}
    missed = [] if request.since is None else _missed(db, tenant, context, offsets, request.since)
    acknowledgement = _acknowledgement(db, tenant, context, offsets, request, missed)
    return [acknowledgement, *(message_of(row.as_event()) for row in missed or ())]


def _missed(
    db: Database, tenant: str, context: Context, offsets: Mapping[UUID, Context], since: Since
) -> list[EventRow] | None:
    """Read everything after what a client has seen; None when the log does not hold it all, or there is too much."""
    if not _reaches_back(context, offsets, since):
        return None
    rows = event_log.after(db, context.id, since.offset, MAX_REPLAY + 1)
    if context.card_id is None:
        rows += event_log.after_in_cards(db, tenant, context.id, since.cards, MAX_REPLAY + 1)
    seen = {**since.cards, context.id: since.offset}
    return rows if len(rows) <= MAX_REPLAY and _has_no_gap(rows, seen) else None


def _reaches_back(context: Context, offsets: Mapping[UUID, Context], since: Since) -> bool:
    """Return whether the log starts early enough for a client, and the client is not ahead of it."""
    if not context.oldest_offset - 1 <= since.offset <= context.last_offset:
        return False
    return all(
        card.oldest_offset - 1 <= since.cards.get(card_id, 0) <= card.last_offset for card_id, card in offsets.items()
    )


def _has_no_gap(rows: Sequence[EventRow], seen: Mapping[UUID, int]) -> bool:
    """Return whether each context's rows follow one another: old events may be deleted while they are read."""
    last = dict(seen)
    for row in rows:
        if row.context_offset != last.get(row.context_id, 0) + 1:
            return False
        last[row.context_id] = row.context_offset
    return True


def _acknowledgement(
    db: Database,
    tenant: str,
    context: Context,
    offsets: Mapping[UUID, Context],
    request: Subscribe,
    missed: Sequence[EventRow] | None,
) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "type": "subscribed",
        "id": request.id,
        "context_id": str(context.id),
        "offset": max([context.last_offset, *(r.context_offset for r in missed or () if r.context_id == context.id)]),
        "recovered": missed is not None,
    }
    noun = "projects" if context.card_id is None else "cards"
    if missed is None:
        _add_if_small(answer, "snapshot", event_log.snapshot(db, tenant, context), f"/api/{noun}/{context.id}")
    if context.card_id is None:
        cards = {str(card_id): card.last_offset for card_id, card in offsets.items()}
        _add_if_small(answer, "cards", cards, f"/api/projects/{context.id}/offsets")
    return answer


def _add_if_small(answer: dict[str, Any], name: str, value: dict[str, Any], url: str) -> None:
    """Add a value to an answer, or where it can be read if the answer would become too large."""
    # Room for the other part's URL.
    fits = len(encode(answer | {name: value})) <= MAX_MESSAGE_BYTES - 256
    answer |= {name: value} if fits else {f"{name}_url": url}
