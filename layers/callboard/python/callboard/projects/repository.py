"""SQL of projects. Every change is one statement with its event."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from callboard.activities.models import Activity
from callboard.activities.repository import STORED_ACTIVITY
from callboard.assets.models import StoredAsset
from callboard.assets.repository import ASSET_COLUMNS
from callboard.database import Database
from callboard.events.models import Changed
from callboard.events.repository import APPEND_EVENTS, EVENTS_COLUMN, rows_of
from callboard.ids import new_id
from callboard.jobs.models import Job
from callboard.jobs.repository import JOB_COLUMNS
from callboard.projects.models import Project

_COLUMNS = "project.id, project.name, project.description, project.created_at, project.updated_at"

# The head of a statement leaves the project it changed in a CTE `project`.
_EVENT = (
    """
, change AS (
    SELECT 1 AS n, %(event_id)s::uuid AS event_id, 'project.updated' AS topic, project.tenant,
           project.id AS project_id, NULL::uuid AS card_id, %(correlation_id)s::text AS correlation_id,
           jsonb_build_object('change', %(change)s::text, 'project_id', project.id, 'name', project.name,
                              'description', project.description) AS data
    FROM project
)"""
    + APPEND_EVENTS
)
_PROJECT_AND_EVENTS = "SELECT " + _COLUMNS + ", " + EVENTS_COLUMN + " FROM project"

CREATE = (
    """
WITH project AS (
    INSERT INTO projects (id, tenant, name, description, created_by)
    VALUES (%(project_id)s, %(tenant)s, %(name)s, %(description)s, %(created_by)s)
    RETURNING *
)"""
    + _EVENT
    + _PROJECT_AND_EVENTS
)

GET = "SELECT " + _COLUMNS + " FROM projects AS project WHERE id = %(project_id)s AND tenant = %(tenant)s"

LIST = (
    "SELECT "
    + _COLUMNS
    + """
FROM projects AS project
WHERE tenant = %(tenant)s AND (%(before)s::uuid IS NULL OR id < %(before)s)
ORDER BY id DESC LIMIT %(limit)s"""
)

# One statement is one snapshot and one round trip. Each part is found by its index of the project. Of jobs, a range and
# an order that only that index has say so: by equality, the planner would also walk all newer jobs of everybody.
MEMORY = (
    "SELECT "
    + _COLUMNS
    + """, coalesce((
    SELECT jsonb_agg(to_jsonb(activity) ORDER BY activity.position, activity.id)
    FROM ("""
    + STORED_ACTIVITY
    + """ FROM activities y WHERE y.project_id = project.id) activity
), '[]') AS activities, coalesce((
    SELECT jsonb_agg(to_jsonb(asset) ORDER BY asset.id DESC)
    FROM (SELECT """
    + ASSET_COLUMNS
    + """ FROM approved_assets s WHERE s.project_id = project.id) asset
), '[]') AS assets, coalesce((
    SELECT jsonb_agg(to_jsonb(job) ORDER BY job.id DESC)
    FROM (SELECT """
    + JOB_COLUMNS
    + """ FROM generation_jobs WHERE project_id BETWEEN project.id AND project.id
          ORDER BY project_id, id DESC LIMIT %(jobs)s) job
), '[]') AS jobs
FROM projects AS project
WHERE project.id = %(project_id)s AND project.tenant = %(tenant)s"""
)

UPDATE = (
    """
WITH project AS (
    UPDATE projects
    SET name = coalesce(%(name)s, name), description = coalesce(%(description)s, description), updated_at = now()
    WHERE id = %(project_id)s AND tenant = %(tenant)s
    RETURNING *
)"""
    + _EVENT
    + _PROJECT_AND_EVENTS
)

# Whoever changes the board takes its locks in one order, so that none waits in a circle: the project, its cards, then
# the contexts of the events. Changes of places, and of which activities and cards there are, hold the project, so that
# each sees the places that the one before it gave; a job being created shares it, so only a deletion waits for that.
LOCK = "SELECT id FROM projects WHERE id = %(project_id)s AND tenant = %(tenant)s FOR NO KEY UPDATE"

LOCK_OF_ACTIVITY = """
SELECT id FROM projects
WHERE id = (SELECT y.project_id FROM activities y WHERE y.id = %(activity_id)s AND y.tenant = %(tenant)s)
FOR NO KEY UPDATE"""

LOCK_OF_CARD = """
SELECT id FROM projects
WHERE id = (SELECT c.project_id FROM task_cards c WHERE c.id = %(card_id)s AND c.tenant = %(tenant)s)
FOR NO KEY UPDATE"""

LOCK_FOR_DELETION = "SELECT id FROM projects WHERE id = %(project_id)s AND tenant = %(tenant)s FOR UPDATE"

# Agents hold a thread, then its runs, then the project that they work on; whoever deletes that, and so clears it from
# both, holds them first, too.
LOCK_THREADS = """
SELECT id FROM agent_threads WHERE project_id = %(project_id)s AND tenant = %(tenant)s ORDER BY id FOR UPDATE"""

LOCK_RUNS = """
SELECT id FROM agent_runs WHERE project_id = %(project_id)s AND tenant = %(tenant)s ORDER BY id FOR UPDATE"""

DELETE = (
    """
WITH live AS (
    SELECT count(*) AS jobs FROM generation_jobs
    WHERE project_id = %(project_id)s AND tenant = %(tenant)s AND status IN ('queued', 'processing')
), project AS (
    DELETE FROM projects
    WHERE id = %(project_id)s AND tenant = %(tenant)s AND (SELECT jobs FROM live) = 0
    RETURNING *
)"""
    + _EVENT
    + "SELECT live.jobs AS live_jobs, "
    + EVENTS_COLUMN
    + " FROM live"
)


@dataclass(frozen=True, slots=True)
class StoredMemory:
    """A project and what belongs to it, as it is stored."""

    project: Project
    activities: list[Activity]
    assets: list[StoredAsset]
    jobs: list[Job]


def create(
    db: Database, tenant: str, *, name: str, description: str, created_by: str, correlation_id: str
) -> Changed[Project]:
    """Create a project."""
    row = db.execute(
        CREATE,
        {
            "project_id": new_id(),
            "tenant": tenant,
            "name": name,
            "description": description,
            "created_by": created_by,
            "event_id": new_id(),
            "change": "created",
            "correlation_id": correlation_id,
        },
    ).fetchone()
    assert row is not None  # an insertion returns its row
    return _changed(row)


def get(db: Database, tenant: str, project_id: UUID) -> Project | None:
    """Read a project of a tenant."""
    row = db.execute(GET, {"tenant": tenant, "project_id": project_id}).fetchone()
    return Project.model_validate(row) if row else None


def list_projects(db: Database, tenant: str, before: UUID | None, limit: int) -> list[Project]:
    """Read projects of a tenant, newest first."""
    rows = db.execute(LIST, {"tenant": tenant, "before": before, "limit": limit})
    return [Project.model_validate(row) for row in rows]


def memory(db: Database, tenant: str, project_id: UUID, jobs: int) -> StoredMemory | None:
    """Read a project with its activities, cards, approved assets and so many of its newest jobs."""
    row = db.execute(MEMORY, {"tenant": tenant, "project_id": project_id, "jobs": jobs}).fetchone()
    if row is None:
        return None
    return StoredMemory(
        project=Project.model_validate(row),
        activities=[Activity.model_validate(activity) for activity in row["activities"]],
        assets=[StoredAsset.model_validate(asset) for asset in row["assets"]],
        jobs=[Job.model_validate(job) for job in row["jobs"]],
    )


def update(
    db: Database, tenant: str, project_id: UUID, *, name: str | None, description: str | None, correlation_id: str
) -> Changed[Project] | None:
    """Change what is given of a project; None without such a project."""
    row = db.execute(
        UPDATE,
        {
            "project_id": project_id,
            "tenant": tenant,
            "name": name,
            "description": description,
            "event_id": new_id(),
            "change": "updated",
            "correlation_id": correlation_id,
        },
    ).fetchone()
    return _changed(row) if row else None


def lock(db: Database, tenant: str, project_id: UUID) -> bool:
    """Hold a project against other changes of its board; tell whether it exists. Needs a transaction."""
    return db.execute(LOCK, {"tenant": tenant, "project_id": project_id}).fetchone() is not None


def lock_of_activity(db: Database, tenant: str, activity_id: UUID) -> UUID | None:
    """Hold the project of an activity like `lock` and return its id; None without such an activity."""
    row = db.execute(LOCK_OF_ACTIVITY, {"tenant": tenant, "activity_id": activity_id}).fetchone()
    return row["id"] if row else None


def lock_of_card(db: Database, tenant: str, card_id: UUID) -> UUID | None:
    """Hold the project of a card like `lock` and return its id; None without such a card."""
    row = db.execute(LOCK_OF_CARD, {"tenant": tenant, "card_id": card_id}).fetchone()
    return row["id"] if row else None


def lock_for_deletion(db: Database, tenant: str, project_id: UUID) -> bool:
    """Hold a project against everything, new jobs and steps of agents included; tell whether it exists.

    Needs a transaction.
    """
    for statement in (LOCK_THREADS, LOCK_RUNS):
        db.execute(statement, {"tenant": tenant, "project_id": project_id})
    return db.execute(LOCK_FOR_DELETION, {"tenant": tenant, "project_id": project_id}).fetchone() is not None


def delete(db: Database, tenant: str, project_id: UUID, *, correlation_id: str) -> Changed[int]:
    """Delete a locked project with all that belongs to it, unless jobs are live; the result is how many are."""
    row = db.execute(
        DELETE,
        {
            "project_id": project_id,
            "tenant": tenant,
            "event_id": new_id(),
            "change": "deleted",
            "correlation_id": correlation_id,
        },
    ).fetchone()
    assert row is not None  # an aggregate always has a row
    return Changed(row["live_jobs"], rows_of(row["events"]))


def _changed(row: dict[str, Any]) -> Changed[Project]:
    return Changed(Project.model_validate(row), rows_of(row["events"]))
