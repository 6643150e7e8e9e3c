"""SQL of task cards: reading them with their state, changing them with their events."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from callboard.cards.models import CandidateJob, Card
from callboard.database import Database, json_parameter
from callboard.events.models import Changed
from callboard.events.repository import APPEND_EVENTS, EVENTS_COLUMN, rows_of
from callboard.ids import new_id

# Of a card c and its approved asset a.
CARD_COLUMNS: Final = """
    c.id, c.activity_id, c.project_id, c.title, c.params, c.position, c.created_at, c.updated_at,
    a.id AS approved_asset_id,
    CASE WHEN a.id IS NOT NULL THEN 'approved'
         WHEN EXISTS (SELECT FROM generation_jobs j WHERE j.card_id = c.id AND j.status IN ('queued', 'processing'))
              THEN 'generating'
         WHEN EXISTS (SELECT FROM generation_jobs j WHERE j.card_id = c.id AND j.status = 'completed') THEN 'review'
         -- A range and an order that only the card's index has: else the planner may walk everybody's newer jobs.
         WHEN (SELECT j.status FROM generation_jobs j WHERE j.card_id BETWEEN c.id AND c.id
               ORDER BY j.card_id, j.id DESC LIMIT 1) = 'failed' THEN 'failed'
         ELSE 'planned' END AS status"""

# Where c is a row of the table: its offset is that of its context.
STORED_CARDS: Final = (
    "SELECT "
    + CARD_COLUMNS
    + """, coalesce(x.last_offset, 0) AS "offset"
FROM task_cards c
LEFT JOIN approved_assets a ON a.card_id = c.id
LEFT JOIN event_contexts x ON x.id = c.id"""
)

# Where a statement left the cards it changed in a CTE `card` and appended their events.
CHANGED_CARDS: Final = (
    "SELECT "
    + CARD_COLUMNS
    + """, context.last_offset AS "offset"
FROM card c
LEFT JOIN approved_assets a ON a.card_id = c.id
JOIN context ON context.id = c.id"""
)

CARD_DATA: Final = """jsonb_build_object('card_id', card.id, 'activity_id', card.activity_id,
                              'project_id', card.project_id, 'title', card.title, 'position', card.position)"""

_EVENT = (
    """
, change AS (
    SELECT 1 AS n, %(event_id)s::uuid AS event_id, %(topic)s::text AS topic, card.tenant, card.project_id,
           card.id AS card_id, %(correlation_id)s::text AS correlation_id, """
    + CARD_DATA
    + """ AS data
    FROM card
)"""
    + APPEND_EVENTS
)
_CARD_AND_EVENTS = "SELECT changed.*, " + EVENTS_COLUMN + " FROM (" + CHANGED_CARDS + ") changed"

GET = STORED_CARDS + " WHERE c.id = %(card_id)s AND c.tenant = %(tenant)s"

# One row with nulls tells an activity without cards from no activity.
LIST_OF_ACTIVITY = (
    """
SELECT listed.*
FROM activities y
LEFT JOIN LATERAL ("""
    + STORED_CARDS
    + """
    WHERE c.activity_id = y.id
      AND (%(after_position)s::integer IS NULL OR (c.position, c.id) > (%(after_position)s, %(after_id)s::uuid))
    ORDER BY c.position, c.id LIMIT %(limit)s
) listed ON true
WHERE y.id = %(activity_id)s AND y.tenant = %(tenant)s
ORDER BY listed.position, listed.id"""
)

CREATE = (
    """
WITH place AS (
    SELECT coalesce(%(position)s::integer,
                    (SELECT max(t.position) + 1 FROM task_cards t WHERE t.activity_id = %(activity_id)s), 0) AS position
), shifted AS (
    UPDATE task_cards t SET position = t.position + 1
    FROM place
    WHERE t.activity_id = %(activity_id)s AND t.tenant = %(tenant)s AND t.position >= place.position
      AND EXISTS (SELECT FROM task_cards o WHERE o.activity_id = %(activity_id)s AND o.position = place.position)
), card AS (
    INSERT INTO task_cards (id, tenant, project_id, activity_id, title, params, position)
    SELECT %(card_id)s, y.tenant, y.project_id, y.id, %(title)s, %(params)s, place.position
    FROM activities y, place
    WHERE y.id = %(activity_id)s AND y.tenant = %(tenant)s
    RETURNING *
)"""
    + _EVENT
    + _CARD_AND_EVENTS
)

UPDATE = (
    """
WITH card AS (
    UPDATE task_cards
    SET title = coalesce(%(title)s, title), params = coalesce(%(params)s, params), updated_at = now()
    WHERE id = %(card_id)s AND tenant = %(tenant)s
    RETURNING *
)"""
    + _EVENT
    + _CARD_AND_EVENTS
)

# Within its activity the cards between its old and its new place move by one; in another it is inserted like a new one.
MOVE = (
    """
WITH before AS (
    SELECT c.id, c.activity_id AS old_activity, c.position AS old_position, y.id AS new_activity,
           coalesce(%(position)s::integer,
                    (SELECT max(t.position) + 1 FROM task_cards t WHERE t.activity_id = y.id), 0) AS new_position
    FROM task_cards c
    JOIN activities y ON y.id = coalesce(%(activity_id)s::uuid, c.activity_id) AND y.project_id = c.project_id
    WHERE c.id = %(card_id)s AND c.tenant = %(tenant)s
), place AS (
    SELECT before.id, before.new_activity, before.old_position, before.old_activity = before.new_activity AS same,
           CASE WHEN before.old_activity = before.new_activity AND %(position)s::integer IS NULL
                THEN before.old_position ELSE before.new_position END AS position
    FROM before
), shifted AS (
    UPDATE task_cards t
    SET position = t.position + CASE WHEN place.same AND place.position > place.old_position THEN -1 ELSE 1 END
    FROM place
    WHERE t.activity_id = place.new_activity AND t.tenant = %(tenant)s AND t.id <> place.id
      AND CASE WHEN NOT place.same
               THEN t.position >= place.position AND EXISTS (
                    SELECT FROM task_cards o WHERE o.activity_id = place.new_activity AND o.position = place.position)
               WHEN place.position <= place.old_position
               THEN t.position >= place.position AND t.position < place.old_position
               ELSE t.position > place.old_position AND t.position <= place.position END
), card AS (
    UPDATE task_cards t
    SET title = coalesce(%(title)s, t.title), params = coalesce(%(params)s, t.params), position = place.position,
        activity_id = place.new_activity, updated_at = now()
    FROM place WHERE t.id = place.id
    RETURNING t.*
)"""
    + _EVENT
    + _CARD_AND_EVENTS
)

PROJECT_OF_ACTIVITY = "SELECT project_id FROM activities WHERE id = %(activity_id)s AND tenant = %(tenant)s"

LOCK = "SELECT id FROM task_cards WHERE id = %(card_id)s AND tenant = %(tenant)s FOR UPDATE"

DELETE = (
    """
WITH live AS (
    SELECT count(*) AS jobs FROM generation_jobs
    WHERE card_id = %(card_id)s AND tenant = %(tenant)s AND status IN ('queued', 'processing')
), card AS (
    DELETE FROM task_cards
    WHERE id = %(card_id)s AND tenant = %(tenant)s AND (SELECT jobs FROM live) = 0
    RETURNING *
)"""
    + _EVENT
    + "SELECT live.jobs AS live_jobs, "
    + EVENTS_COLUMN
    + " FROM live"
)

CANDIDATES = """
SELECT listed.*
FROM task_cards c
LEFT JOIN LATERAL (
    SELECT j.id, j.card_id, j.provider, j.params, j.media_type, j.result_url, j.created_at, j.completed_at,
           EXISTS (SELECT FROM approved_assets a WHERE a.card_id = j.card_id AND a.job_id = j.id) AS approved
    FROM generation_jobs j
    WHERE j.card_id = c.id AND j.tenant = c.tenant AND j.status = 'completed'
      AND (%(before)s::uuid IS NULL OR j.id < %(before)s)
    ORDER BY j.id DESC LIMIT %(limit)s
) listed ON true
WHERE c.id = %(card_id)s AND c.tenant = %(tenant)s
ORDER BY listed.id DESC"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFields:
    """What a change sets; None keeps what is there."""

    title: str | None
    params: dict[str, Any] | None
    position: int | None = None
    activity_id: UUID | None = None

    def parameters(self) -> dict[str, Any]:
        """Return the fields as statements take them."""
        return {
            "title": self.title,
            "params": None if self.params is None else json_parameter(self.params),
            "position": self.position,
            "activity_id": self.activity_id,
        }


def get(db: Database, tenant: str, card_id: UUID) -> Card | None:
    """Read a card of a tenant."""
    row = db.execute(GET, {"tenant": tenant, "card_id": card_id}).fetchone()
    return Card.model_validate(row) if row else None


def list_of_activity(
    db: Database, tenant: str, activity_id: UUID, after: tuple[int, UUID] | None, limit: int
) -> list[Card] | None:
    """Read cards of an activity by position; None without such an activity."""
    after_position, after_id = after or (None, None)
    rows = db.execute(
        LIST_OF_ACTIVITY,
        {
            "tenant": tenant,
            "activity_id": activity_id,
            "after_position": after_position,
            "after_id": after_id,
            "limit": limit,
        },
    ).fetchall()
    return [Card.model_validate(row) for row in rows if row["id"] is not None] if rows else None


def lock(db: Database, tenant: str, card_id: UUID) -> bool:
    """Hold a card against everything, new jobs included; tell whether it exists. Needs a transaction."""
    return db.execute(LOCK, {"tenant": tenant, "card_id": card_id}).fetchone() is not None


def project_of_activity(db: Database, tenant: str, activity_id: UUID) -> UUID | None:
    """Return the project of an activity of a tenant."""
    row = db.execute(PROJECT_OF_ACTIVITY, {"tenant": tenant, "activity_id": activity_id}).fetchone()
    return row["project_id"] if row else None


def create(
    db: Database, tenant: str, activity_id: UUID, fields: CardFields, *, correlation_id: str
) -> Changed[Card] | None:
    """Create a card of an activity whose project is locked; None without such an activity."""
    parameters = fields.parameters() | {"activity_id": activity_id}
    return _change(db, CREATE, tenant, new_id(), "card.created", correlation_id, parameters)


def update(
    db: Database, tenant: str, card_id: UUID, fields: CardFields, *, correlation_id: str
) -> Changed[Card] | None:
    """Change a card where it is; None without such a card."""
    return _change(db, UPDATE, tenant, card_id, "card.updated", correlation_id, fields.parameters())


def move(db: Database, tenant: str, card_id: UUID, fields: CardFields, *, correlation_id: str) -> Changed[Card] | None:
    """Change and move a card whose project is locked; None without such a card."""
    return _change(db, MOVE, tenant, card_id, "card.updated", correlation_id, fields.parameters())


def delete(db: Database, tenant: str, card_id: UUID, *, correlation_id: str) -> Changed[int]:
    """Delete a locked card with its jobs, unless some are live; the result is how many are."""
    row = db.execute(
        DELETE,
        {
            "tenant": tenant,
            "card_id": card_id,
            "event_id": new_id(),
            "topic": "card.deleted",
            "correlation_id": correlation_id,
        },
    ).fetchone()
    assert row is not None  # an aggregate always has a row
    return Changed(row["live_jobs"], rows_of(row["events"]))


def candidates(db: Database, tenant: str, card_id: UUID, before: UUID | None, limit: int) -> list[CandidateJob] | None:
    """Read completed jobs of a card, newest first; None without such a card."""
    rows = db.execute(CANDIDATES, {"tenant": tenant, "card_id": card_id, "before": before, "limit": limit}).fetchall()
    return [CandidateJob.model_validate(row) for row in rows if row["id"] is not None] if rows else None


def _change(
    db: Database,
    statement: str,
    tenant: str,
    card_id: UUID,
    topic: str,
    correlation_id: str,
    parameters: dict[str, Any],
) -> Changed[Card] | None:
    row = db.execute(
        statement,
        parameters
        | {
            "tenant": tenant,
            "card_id": card_id,
            "event_id": new_id(),
            "topic": topic,
            "correlation_id": correlation_id,
        },
    ).fetchone()
    return Changed(Card.model_validate(row), rows_of(row["events"])) if row else None
