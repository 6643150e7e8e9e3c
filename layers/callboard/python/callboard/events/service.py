"""Publishing what the log holds."""

from collections.abc import Callable, Sequence

from callboard import bus, database
from callboard.crash import crash_point
from callboard.events import repository
from callboard.events.models import Changed, EventRow
from callboard.settings import get_settings

# Younger events are still in the hands of whoever made them.
RELAY_AGE_SECONDS = 15.0
RELAY_BATCH = 200


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
    crash_point(f"{origin}.before_publish", rows[0].correlation_id)
    taken = bus.publish(get_settings().event_bus_name, [row.as_event() for row in rows])
    crash_point(f"{origin}.after_publish", rows[0].correlation_id)
    if taken:
        repository.mark_published(db, taken)
    return len(taken)


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
