"""SQL of the event log: appending with gapless offsets, reading, publishing marks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from callboard.database import Database, json_parameter
from callboard.events.models import EventRow
from callboard.ids import new_id

# The tail of every statement that changes something. Before it stands a CTE named change, with one row an event and the
# columns n (order), event_id, topic, tenant, project_id, card_id, correlation_id, data.
# The upsert locks contexts in id order, so that batches cannot deadlock, and takes a range of offsets each; it works on
# the latest row where a plain snapshot would not. It leaves the CTE `event`.
APPEND_EVENTS = """
, context AS (
    INSERT INTO event_contexts AS c (id, tenant, project_id, card_id, last_offset)
    SELECT coalesce(card_id, project_id), tenant, project_id, card_id, count(*)
    FROM change GROUP BY 1, 2, 3, 4 ORDER BY 1
    ON CONFLICT (id) DO UPDATE SET last_offset = c.last_offset + excluded.last_offset
    RETURNING id, last_offset
), event AS (
    INSERT INTO events (id, topic, tenant, context_id, context_offset, project_id, card_id, correlation_id, payload)
    SELECT change.event_id, change.topic, change.tenant, context.id,
           context.last_offset
               - count(*) OVER (PARTITION BY context.id)
               + row_number() OVER (PARTITION BY context.id ORDER BY change.n),
           change.project_id, change.card_id, change.correlation_id, change.data
    FROM change JOIN context ON context.id = coalesce(change.card_id, change.project_id)
    RETURNING id, topic, tenant, context_id, context_offset, project_id, card_id, correlation_id, payload, created_at
)
"""

# What a changing statement returns of its events, in one column.
EVENTS_COLUMN = "(SELECT coalesce(jsonb_agg(to_jsonb(event) ORDER BY event.id), '[]') FROM event) AS events"

_COLUMNS = "id, topic, tenant, context_id, context_offset, project_id, card_id, correlation_id, payload, created_at"

UNPUBLISHED_OF_JOBS = (
    "SELECT "
    + _COLUMNS
    + """
FROM events
WHERE context_id IN (SELECT card_id FROM generation_jobs WHERE id = ANY(%(job_ids)s))
  AND published_at IS NULL AND topic = 'job.status.updated'
ORDER BY id LIMIT %(limit)s"""
)

# Locked and skipped, so that two relays never publish the same rows at once; by age rather than "after the last seen
# id", because a transaction that commits late has an early id.
UNPUBLISHED = (
    "SELECT "  # constants only
    + _COLUMNS
    + """
FROM events
WHERE published_at IS NULL AND created_at < now() - make_interval(secs => %(older_than_seconds)s)
ORDER BY created_at LIMIT %(limit)s
FOR UPDATE SKIP LOCKED"""
)

MARK_PUBLISHED = """
UPDATE events SET published_at = now() WHERE id = ANY(%(event_ids)s) AND published_at IS NULL"""

GAUGES = """
SELECT extract(epoch FROM now() - coalesce((SELECT min(created_at) FROM events WHERE published_at IS NULL), now()))
           ::double precision AS oldest_unpublished_seconds,
       (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) AS connections"""

AFTER = (
    "SELECT "  # constants only
    + _COLUMNS
    + """
FROM events
WHERE context_id = %(context_id)s AND context_offset > %(after)s
ORDER BY context_offset LIMIT %(limit)s"""
)

# For followers of a project: what each card's stream holds after the offset that the follower has of it; a card it
# does not know starts at its beginning. By offset, because ids are made before the lock that decides the order.
AFTER_IN_CARDS = """
SELECT e.id, e.topic, e.tenant, e.context_id, e.context_offset, e.project_id, e.card_id, e.correlation_id, e.payload,
       e.created_at
FROM event_contexts c
LEFT JOIN jsonb_each_text(%(known)s) AS known(card_id, last_seen) ON known.card_id = c.id::text
JOIN events e ON e.context_id = c.id AND e.context_offset > coalesce(known.last_seen::bigint, 0)
WHERE c.project_id = %(project_id)s AND c.tenant = %(tenant)s AND c.card_id IS NOT NULL
  AND c.last_offset > coalesce(known.last_seen::bigint, 0)
ORDER BY e.context_id, e.context_offset LIMIT %(limit)s"""

CONTEXT = """
SELECT c.id, c.project_id, c.card_id, c.last_offset,
       coalesce((SELECT min(e.context_offset) FROM events e WHERE e.context_id = c.id), c.last_offset + 1)
           AS oldest_offset
FROM event_contexts c
WHERE c.id = %(context_id)s AND c.tenant = %(tenant)s
  AND CASE WHEN c.card_id IS NULL THEN EXISTS (SELECT FROM projects p WHERE p.id = c.id)
           ELSE EXISTS (SELECT FROM task_cards t WHERE t.id = c.id) END"""

# Deleted cards too, as long as the log holds their end: who knows how far it went does not get it again.
OFFSETS_OF_PROJECT = """
SELECT c.id, c.project_id, c.card_id, c.last_offset,
       coalesce((SELECT min(e.context_offset) FROM events e WHERE e.context_id = c.id), c.last_offset + 1)
           AS oldest_offset
FROM event_contexts c
WHERE c.project_id = %(project_id)s AND c.tenant = %(tenant)s AND c.card_id IS NOT NULL
  AND (EXISTS (SELECT FROM task_cards t WHERE t.id = c.id) OR EXISTS (SELECT FROM events e WHERE e.context_id = c.id))
ORDER BY c.id"""

# What a follower needs to start over when the log does not reach back.
SNAPSHOT_OF_CARD = """
SELECT jsonb_build_object(
    'card', to_jsonb(c) - 'tenant',
    'jobs', (SELECT coalesce(jsonb_agg(to_jsonb(recent) ORDER BY recent.created_at DESC), '[]') FROM (
        SELECT j.id AS job_id, j.status, j.provider, j.attempt, j.progress, j.error_code, j.error_message, j.created_at,
               j.completed_at
        FROM generation_jobs j WHERE j.card_id = c.id ORDER BY j.id DESC LIMIT 20) recent)) AS snapshot
FROM task_cards c WHERE c.id = %(context_id)s AND c.tenant = %(tenant)s"""

SNAPSHOT_OF_PROJECT = """
SELECT jsonb_build_object(
    'project', to_jsonb(p) - 'tenant',
    'activities', (SELECT coalesce(jsonb_agg(to_jsonb(a) - 'tenant' ORDER BY a.position, a.id), '[]')
                   FROM activities a WHERE a.project_id = p.id)) AS snapshot
FROM projects p WHERE p.id = %(context_id)s AND p.tenant = %(tenant)s"""

PRUNE = """
WITH old AS (
    SELECT id FROM events
    WHERE created_at < now() - make_interval(days => %(days)s) AND published_at IS NOT NULL
    ORDER BY created_at LIMIT %(limit)s
)
DELETE FROM events USING old WHERE events.id = old.id"""


@dataclass(frozen=True, slots=True)
class Context:
    """A card's or project's stream: its last offset, and the oldest one that the log still holds."""

    id: UUID
    project_id: UUID
    card_id: UUID | None
    last_offset: int
    oldest_offset: int


def event_ids(count: int) -> list[UUID]:
    """Make ids for the events of a statement, in order."""
    return [new_id() for _ in range(count)]


def rows_of(column: Sequence[dict[str, Any]]) -> list[EventRow]:
    """Read the `events` column of a changing statement."""
    return [EventRow.model_validate(row) for row in column]


def unpublished_of_jobs(db: Database, job_ids: Sequence[UUID], limit: int) -> list[EventRow]:
    """Read the events of these jobs' cards that nobody has published yet, oldest first."""
    rows = db.execute(UNPUBLISHED_OF_JOBS, {"job_ids": list(job_ids), "limit": limit})
    return [EventRow.model_validate(row) for row in rows]


def lock_unpublished(db: Database, older_than_seconds: float, limit: int) -> list[EventRow]:
    """Lock and read stragglers, oldest first; needs a transaction."""
    rows = db.execute(UNPUBLISHED, {"older_than_seconds": older_than_seconds, "limit": limit})
    return [EventRow.model_validate(row) for row in rows]


def mark_published(db: Database, published: Sequence[UUID]) -> None:
    """Note that these events reached the bus."""
    db.execute(MARK_PUBLISHED, {"event_ids": list(published)})


def gauges(db: Database) -> tuple[float, int]:
    """Read the age in seconds of the oldest event that was not published, and the database's connections."""
    row = db.execute(GAUGES).fetchone()
    assert row is not None  # subqueries always make a row
    return row["oldest_unpublished_seconds"], row["connections"]


def prune(db: Database, days: int, limit: int) -> int:
    """Delete published events older than this; return how many."""
    return db.execute(PRUNE, {"days": days, "limit": limit}).rowcount


def context(db: Database, tenant: str, context_id: UUID) -> Context | None:
    """Read a context of a tenant; None when its card or project does not exist (any more)."""
    row = db.execute(CONTEXT, {"tenant": tenant, "context_id": context_id}).fetchone()
    return Context(**row) if row else None


def after(db: Database, context_id: UUID, offset: int, limit: int) -> list[EventRow]:
    """Read a context's events after an offset, in order."""
    rows = db.execute(AFTER, {"context_id": context_id, "after": offset, "limit": limit})
    return [EventRow.model_validate(row) for row in rows]


def after_in_cards(
    db: Database, tenant: str, project_id: UUID, known: Mapping[UUID, int], limit: int
) -> list[EventRow]:
    """Read the events of a project's cards after the offsets known of them, card by card, each in order.

    Unknown cards start at their beginning.
    """
    parameters = {
        "tenant": tenant,
        "project_id": project_id,
        "known": json_parameter({str(card_id): offset for card_id, offset in known.items()}),
        "limit": limit,
    }
    return [EventRow.model_validate(row) for row in db.execute(AFTER_IN_CARDS, parameters)]


def offsets_of_project(db: Database, tenant: str, project_id: UUID) -> dict[UUID, Context]:
    """Read the streams of a project's cards, and of deleted ones that the log still knows."""
    rows = db.execute(OFFSETS_OF_PROJECT, {"tenant": tenant, "project_id": project_id})
    return {row["id"]: Context(**row) for row in rows}


def snapshot(db: Database, tenant: str, of: Context) -> dict[str, Any]:
    """Read a card with its newest jobs, or a project with its activities, as they are now."""
    statement = SNAPSHOT_OF_PROJECT if of.card_id is None else SNAPSHOT_OF_CARD
    row = db.execute(statement, {"tenant": tenant, "context_id": of.id}).fetchone()
    found: dict[str, Any] = row["snapshot"] if row else {}
    return found
