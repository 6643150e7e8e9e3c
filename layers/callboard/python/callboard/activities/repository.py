"""SQL of activities: reading them with their cards, changing them with their events."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from callboard.activities.models import Activity
from callboard.cards.repository import CARD_DATA, CHANGED_CARDS, STORED_CARDS
from callboard.database import Database, json_parameter
from callboard.events.models import Changed
from callboard.events.repository import APPEND_EVENTS, EVENTS_COLUMN, event_ids, rows_of
from callboard.ids import new_id

# Of an activity y.
_COLUMNS = "y.id, y.project_id, y.title, y.position, y.created_at, y.updated_at"
STORED_ACTIVITY: Final = (
    "SELECT "
    + _COLUMNS
    + """, coalesce((
    SELECT jsonb_agg(to_jsonb(card) ORDER BY card.position, card.id)
    FROM ("""
    + STORED_CARDS
    + """ WHERE c.activity_id = y.id) card
), '[]') AS cards"""
)

_ACTIVITY_DATA = """jsonb_build_object('activity_id', activity.id, 'project_id', activity.project_id,
                              'title', activity.title, 'position', activity.position)"""
_EVENT_OF_ACTIVITY = (
    """
    SELECT 1::bigint AS n, (%(event_ids)s::uuid[])[1] AS event_id, %(topic)s::text AS topic, activity.tenant,
           activity.project_id, NULL::uuid AS card_id, %(correlation_id)s::text AS correlation_id, """
    + _ACTIVITY_DATA
    + """ AS data
    FROM activity"""
)
_EVENTS_OF_CARDS = (
    """
    UNION ALL
    SELECT 1 + row_number() OVER (ORDER BY card.position, card.id),
           (%(event_ids)s::uuid[])[1 + row_number() OVER (ORDER BY card.position, card.id)], %(card_topic)s::text,
           card.tenant, card.project_id, card.id, %(correlation_id)s::text, """
    + CARD_DATA
    + """
    FROM card"""
)

GET = STORED_ACTIVITY + " FROM activities y WHERE y.id = %(activity_id)s AND y.tenant = %(tenant)s"

# One row with nulls tells a project without activities from no project.
LIST_OF_PROJECT = (
    """
SELECT listed.*
FROM projects p
LEFT JOIN LATERAL ("""
    + STORED_ACTIVITY
    + """
    FROM activities y
    WHERE y.project_id = p.id
      AND (%(after_position)s::integer IS NULL OR (y.position, y.id) > (%(after_position)s, %(after_id)s::uuid))
    ORDER BY y.position, y.id LIMIT %(limit)s
) listed ON true
WHERE p.id = %(project_id)s AND p.tenant = %(tenant)s
ORDER BY listed.position, listed.id"""
)

LOCK_CARDS = """
SELECT id FROM task_cards WHERE activity_id = %(activity_id)s AND tenant = %(tenant)s ORDER BY id FOR UPDATE"""

CREATE = (
    """
WITH place AS (
    SELECT coalesce(%(position)s::integer,
                    (SELECT max(t.position) + 1 FROM activities t WHERE t.project_id = %(project_id)s), 0) AS position
), shifted AS (
    UPDATE activities t SET position = t.position + 1
    FROM place
    WHERE t.project_id = %(project_id)s AND t.tenant = %(tenant)s AND t.position >= place.position
      AND EXISTS (SELECT FROM activities o WHERE o.project_id = %(project_id)s AND o.position = place.position)
), activity AS (
    INSERT INTO activities (id, tenant, project_id, title, position)
    SELECT %(activity_id)s, p.tenant, p.id, %(title)s, place.position
    FROM projects p, place
    WHERE p.id = %(project_id)s AND p.tenant = %(tenant)s
    RETURNING *
), card AS (
    INSERT INTO task_cards (id, tenant, project_id, activity_id, title, params, position)
    SELECT w.id, activity.tenant, activity.project_id, activity.id, w.title, w.params, w.position
    FROM activity, jsonb_to_recordset(%(cards)s) AS w (id uuid, title text, params jsonb, position integer)
    RETURNING *
), change AS ("""
    + _EVENT_OF_ACTIVITY
    + _EVENTS_OF_CARDS
    + ")"
    + APPEND_EVENTS
    + "SELECT "
    + _COLUMNS
    + """, coalesce((
    SELECT jsonb_agg(to_jsonb(made) ORDER BY made.position, made.id) FROM ("""
    + CHANGED_CARDS
    + """) made
), '[]') AS cards, """
    + EVENTS_COLUMN
    + " FROM activity y"
)

# The activities between its old and its new place move by one.
UPDATE = (
    """
WITH place AS (
    SELECT t.id, t.project_id, t.position AS old_position, coalesce(%(position)s::integer, t.position) AS position
    FROM activities t WHERE t.id = %(activity_id)s AND t.tenant = %(tenant)s
), shifted AS (
    UPDATE activities t
    SET position = t.position + CASE WHEN place.position > place.old_position THEN -1 ELSE 1 END
    FROM place
    WHERE t.project_id = place.project_id AND t.tenant = %(tenant)s AND t.id <> place.id
      AND CASE WHEN place.position <= place.old_position
               THEN t.position >= place.position AND t.position < place.old_position
               ELSE t.position > place.old_position AND t.position <= place.position END
), activity AS (
    UPDATE activities t SET title = coalesce(%(title)s, t.title), position = place.position, updated_at = now()
    FROM place WHERE t.id = place.id
    RETURNING t.*
), change AS ("""
    + _EVENT_OF_ACTIVITY
    + ")"
    + APPEND_EVENTS
    + STORED_ACTIVITY
    + ", "
    + EVENTS_COLUMN
    + " FROM activity y"
)

DELETE = (
    """
WITH live AS (
    SELECT count(*) AS jobs FROM generation_jobs
    WHERE card_id = ANY(%(card_ids)s) AND tenant = %(tenant)s AND status IN ('queued', 'processing')
), card AS (
    DELETE FROM task_cards
    WHERE id = ANY(%(card_ids)s) AND tenant = %(tenant)s AND (SELECT jobs FROM live) = 0
    RETURNING *
), activity AS (
    DELETE FROM activities
    WHERE id = %(activity_id)s AND tenant = %(tenant)s AND (SELECT jobs FROM live) = 0
    RETURNING *
), change AS ("""
    + _EVENT_OF_ACTIVITY
    + _EVENTS_OF_CARDS
    + ")"
    + APPEND_EVENTS
    + "SELECT live.jobs AS live_jobs, "
    + EVENTS_COLUMN
    + " FROM live"
)


@dataclass(frozen=True, slots=True)
class CardSpec:
    """A card to be created with its activity, at its place."""

    id: UUID
    title: str
    params: dict[str, Any]
    position: int

    def as_json(self) -> dict[str, Any]:
        """Return the record that CREATE reads."""
        return {"id": str(self.id), "title": self.title, "params": self.params, "position": self.position}


def get(db: Database, tenant: str, activity_id: UUID) -> Activity | None:
    """Read an activity of a tenant with its cards."""
    row = db.execute(GET, {"tenant": tenant, "activity_id": activity_id}).fetchone()
    return Activity.model_validate(row) if row else None


def list_of_project(
    db: Database, tenant: str, project_id: UUID, after: tuple[int, UUID] | None, limit: int
) -> list[Activity] | None:
    """Read activities of a project by position; None without such a project."""
    after_position, after_id = after or (None, None)
    rows = db.execute(
        LIST_OF_PROJECT,
        {
            "tenant": tenant,
            "project_id": project_id,
            "after_position": after_position,
            "after_id": after_id,
            "limit": limit,
        },
    ).fetchall()
    return [Activity.model_validate(row) for row in rows if row["id"] is not None] if rows else None


def lock_cards(db: Database, tenant: str, activity_id: UUID) -> list[UUID]:
    """Hold an activity's cards against everything, new jobs included; return their ids. Needs a transaction."""
    return [row["id"] for row in db.execute(LOCK_CARDS, {"tenant": tenant, "activity_id": activity_id})]


def create(
    db: Database,
    tenant: str,
    project_id: UUID,
    *,
    title: str,
    position: int | None,
    cards: Sequence[CardSpec],
    correlation_id: str,
) -> Changed[Activity] | None:
    """Create an activity of a locked project with its cards; None without such a project."""
    return _changed(
        db.execute(
            CREATE,
            {
                "tenant": tenant,
                "project_id": project_id,
                "activity_id": new_id(),
                "title": title,
                "position": position,
                "cards": json_parameter([card.as_json() for card in cards]),
                "event_ids": event_ids(1 + len(cards)),
                "topic": "activity.created",
                "card_topic": "card.created",
                "correlation_id": correlation_id,
            },
        ).fetchone()
    )


def update(
    db: Database, tenant: str, activity_id: UUID, *, title: str | None, position: int | None, correlation_id: str
) -> Changed[Activity] | None:
    """Change an activity whose project is locked; None without such an activity."""
    return _changed(
        db.execute(
            UPDATE,
            {
                "tenant": tenant,
                "activity_id": activity_id,
                "title": title,
                "position": position,
                "event_ids": event_ids(1),
                "topic": "activity.updated",
                "correlation_id": correlation_id,
            },
        ).fetchone()
    )


def delete(
    db: Database, tenant: str, activity_id: UUID, card_ids: Sequence[UUID], *, correlation_id: str
) -> Changed[int]:
    """Delete an activity with its locked cards, unless some of their jobs are live; the result is how many are."""
    row = db.execute(
        DELETE,
        {
            "tenant": tenant,
            "activity_id": activity_id,
            "card_ids": list(card_ids),
            "event_ids": event_ids(1 + len(card_ids)),
            "topic": "activity.deleted",
            "card_topic": "card.deleted",
            "correlation_id": correlation_id,
        },
    ).fetchone()
    assert row is not None  # an aggregate always has a row
    return Changed(row["live_jobs"], rows_of(row["events"]))


def _changed(row: dict[str, Any] | None) -> Changed[Activity] | None:
    return Changed(Activity.model_validate(row), rows_of(row["events"])) if row else None
