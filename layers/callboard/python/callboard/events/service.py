"""Publishing what the log holds, and reading it."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from callboard import bus, database, metrics
from callboard.crash import crash_point
from callboard.events import repository
from callboard.events.messages import message_of
from callboard.events.models import Changed, EventRow, Message, ProjectOffsets, Updates
from callboard.events.repository import Context
from callboard.identity import Caller
from callboard.jobs.errors import CardNotFoundError
from callboard.projects.errors import ProjectNotFoundError
from callboard.settings import get_settings

# Younger events are still in the hands of whoever made them.
RELAY_AGE_SECONDS = 15.0
RELAY_BATCH = 200
# What a status says in numbers.
_OF_JOBS: dict[Any, tuple[metrics.Metric, ...]] = {
    "queued": ("JobsAccepted",),
    "completed": ("JobsCompleted",),
    "failed": ("JobsFailed",),
    "cancelled": ("JobsCancelled",),
}
AGAIN: tuple[metrics.Metric, ...] = ("JobsTriedAgain",)
_OF_RUNS: dict[Any, tuple[metrics.Metric, ...]] = {
    "success": ("RunsEnded",),
    "interrupted": ("RunsEnded",),
    "error": ("RunsEnded", "RunsFailed"),
}


def publish(db: database.Database, rows: Sequence[EventRow], *, origin: str) -> int:
    """Publish committed events and note it: at most one PutEvents for ten, and one statement.

    Call it after the commit. What the bus does not take, and what a crash in between leaves unmarked, the relay
    publishes (again): consumers go by `event_id`. Returns how many the bus took.

    Args:
        db: A connection outside of any transaction.
        rows: The events, in order.
        origin: The function's name, for its crash points.
    """
    if not rows:
        return 0
    for correlation_id in {row.correlation_id for row in rows}:
        crash_point(f"{origin}.before_publish", correlation_id)
    taken = bus.publish(get_settings().event_bus_name, [row.as_event() for row in rows])
    for correlation_id in {row.correlation_id for row in rows}:
        crash_point(f"{origin}.after_publish", correlation_id)
    if taken:
        repository.mark_published(db, taken)
        _count([row for row in rows if row.id in taken])
    return len(taken)


def _count(published: Sequence[EventRow]) -> None:
    """Tell CloudWatch what the events tell of jobs and runs: each is published once, but for crashes."""
    counted: Counter[metrics.Metric] = Counter()
    for row in published:
        status = row.payload.get("status")
        if row.topic == "job.status.updated":
            counted.update(_OF_JOBS.get(status, ()) if status != "queued" or not row.payload.get("attempt") else AGAIN)
        elif row.topic == "agent.run.updated":
            counted.update(_OF_RUNS.get(status, ()))
    metrics.emit(counted)


def carry_out[Result](change: Callable[[database.Database], Changed[Result]], *, origin: str) -> Result:
    """Run a change on the environment's connection, publish its events after the commit and return its result.

    Args:
        change: A service's function, with everything but the connection given.
        origin: The function's name, for its crash points.
    """
    with database.session() as db:
        changed = change(db)
        crash_point(f"{origin}.after_commit")
        publish(db, changed.events, origin=origin)
    return changed.result


def relay(db: database.Database) -> int:
    """Publish events whose first publish did not happen; return how many the bus took."""
    published = 0
    while True:
        with db.transaction():
            rows = repository.lock_unpublished(db, RELAY_AGE_SECONDS, RELAY_BATCH)
            taken = publish(db, rows, origin="relay_events")
        published += taken
        if taken < RELAY_BATCH:
            return published


def updates_after(db: database.Database, context: Context, offset: int, limit: int) -> Updates:
    """Read what happened in a context after an offset."""
    rows = repository.after(db, context.id, offset, limit + 1)
    shown = rows[:limit]
    # Offsets have no gap: anything but the next one first means that it was there and is gone.
    complete = shown[0].context_offset == offset + 1 if shown else offset >= context.last_offset
    return Updates(
        items=[Message.model_validate(message_of(row.as_event())) for row in shown],
        offset=max(context.last_offset, rows[-1].context_offset if rows else 0),
        complete=complete,
        next_cursor=str(shown[-1].context_offset) if len(rows) > limit else None,
    )


def card_updates(db: database.Database, caller: Caller, card_id: UUID, offset: int, limit: int) -> Updates:
    """Read what happened to a card after an offset.

    Raises:
        CardNotFoundError: It does not exist for the caller's tenant.
    """
    context = repository.context(db, caller.tenant, card_id)
    if context is None or context.card_id is None:
        raise CardNotFoundError
    return updates_after(db, context, offset, limit)


def project_updates(db: database.Database, caller: Caller, project_id: UUID, offset: int, limit: int) -> Updates:
    """Read what happened to a project and its activities after an offset; its cards have offsets of their own.

    Raises:
        ProjectNotFoundError: It does not exist for the caller's tenant.
    """
    return updates_after(db, _context_of_project(db, caller, project_id), offset, limit)


def project_offsets(db: database.Database, caller: Caller, project_id: UUID) -> ProjectOffsets:
    """Read the last offsets of a project and of each of its cards.

    Raises:
        ProjectNotFoundError: It does not exist for the caller's tenant.
    """
    context = _context_of_project(db, caller, project_id)
    cards = repository.offsets_of_project(db, caller.tenant, project_id)
    return ProjectOffsets(
        offset=context.last_offset, cards={str(card_id): card.last_offset for card_id, card in cards.items()}
    )


def _context_of_project(db: database.Database, caller: Caller, project_id: UUID) -> Context:
    context = repository.context(db, caller.tenant, project_id)
    if context is None or context.card_id is not None:
        raise ProjectNotFoundError
    return context
