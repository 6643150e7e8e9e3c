"""SQL of approved assets."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from callboard.assets.models import Picture, ProjectPictures, Replaced, StoredAsset
from callboard.database import Database
from callboard.events.models import Changed, JobStatus
from callboard.events.repository import APPEND_EVENTS, EVENTS_COLUMN, rows_of
from callboard.ids import new_id

# Of an approved asset s.
ASSET_COLUMNS: Final = (
    "s.id, s.project_id, s.card_id, s.job_id, s.object_key, s.media_type, s.approved_by, s.created_at"
)

GET = "SELECT " + ASSET_COLUMNS + " FROM approved_assets s WHERE s.id = %(asset_id)s AND s.tenant = %(tenant)s"

# One row with nulls tells a project without assets from no project.
LIST_OF_PROJECT = (
    """
SELECT listed.*
FROM projects p
LEFT JOIN LATERAL (
    SELECT """
    + ASSET_COLUMNS
    + """
    FROM approved_assets s
    WHERE s.project_id = p.id AND (%(before)s::uuid IS NULL OR s.id < %(before)s)
    ORDER BY s.id DESC LIMIT %(limit)s
) listed ON true
WHERE p.id = %(project_id)s AND p.tenant = %(tenant)s
ORDER BY listed.id DESC"""
)

# One row with nulls tells a project without pictures from no project.
PICTURES_OF_PROJECT = """
SELECT p.name, coalesce(listed.total, 0) AS total, listed.object_key, listed.title, listed.section
FROM projects p
LEFT JOIN LATERAL (
    SELECT s.object_key, c.title, y.title AS section, count(*) OVER () AS total,
           row_number() OVER (ORDER BY y.position, y.id, c.position, c.id) AS place
    FROM approved_assets s
    JOIN task_cards c ON c.id = s.card_id
    JOIN activities y ON y.id = c.activity_id
    WHERE s.project_id = p.id AND s.media_type LIKE 'image/%%'
    ORDER BY place LIMIT %(limit)s
) listed ON true
WHERE p.id = %(project_id)s AND p.tenant = %(tenant)s
ORDER BY listed.place"""

# Approvals of a card take turns. The project is shared first, as the asset's foreign key would do later: all changes of
# the board lock in this order (projects/repository.py).
LOCK_CARD = """
WITH project AS MATERIALIZED (
    SELECT p.id FROM projects p
    WHERE p.id = (SELECT c.project_id FROM task_cards c WHERE c.id = %(card_id)s AND c.tenant = %(tenant)s)
    FOR KEY SHARE
)
SELECT c.id FROM task_cards c WHERE c.id = %(card_id)s AND c.project_id IN (SELECT id FROM project)
FOR NO KEY UPDATE"""

APPROVE = (
    """
WITH job AS (
    SELECT * FROM generation_jobs WHERE id = %(job_id)s AND card_id = %(card_id)s AND tenant = %(tenant)s
), before AS (
    SELECT * FROM approved_assets WHERE card_id = %(card_id)s AND tenant = %(tenant)s
), asset AS (
    INSERT INTO approved_assets (id, tenant, project_id, card_id, job_id, object_key, media_type, approved_by)
    SELECT %(asset_id)s, job.tenant, job.project_id, job.card_id, job.id, job.result_url,
           coalesce(job.media_type, 'application/octet-stream'), %(approved_by)s
    FROM job
    WHERE job.status = 'completed' AND NOT EXISTS (SELECT FROM before WHERE before.job_id = job.id)
    ON CONFLICT (card_id) DO UPDATE SET
        id = excluded.id, job_id = excluded.job_id, object_key = excluded.object_key,
        media_type = excluded.media_type, approved_by = excluded.approved_by, created_at = excluded.created_at
    RETURNING *
), change AS (
    SELECT 1 AS n, %(event_id)s::uuid AS event_id, 'asset.approved' AS topic, asset.tenant, asset.project_id,
           asset.card_id, %(correlation_id)s::text AS correlation_id,
           jsonb_build_object(
               'asset_id', asset.id, 'card_id', asset.card_id, 'project_id', asset.project_id,
               'job_id', asset.job_id, 'replaced_job_id', before.job_id, 'result_key', asset.object_key,
               'media_type', asset.media_type, 'approved_by', asset.approved_by) AS data
    FROM asset LEFT JOIN before ON true
)"""
    + APPEND_EVENTS
    + """
SELECT job.status AS job_status, to_jsonb(asset) AS asset, to_jsonb(before) AS before, """
    + EVENTS_COLUMN
    + """
FROM job LEFT JOIN asset ON true LEFT JOIN before ON true"""
)


@dataclass(frozen=True, slots=True)
class ApprovalOutcome:
    """What became of an approval.

    `asset` is the new asset, or the standing one if its job was approved before, or None if the job is not completed.
    """

    job_status: JobStatus
    asset: StoredAsset | None
    created: bool
    replaced: Replaced | None


def get(db: Database, tenant: str, asset_id: UUID) -> StoredAsset | None:
    """Read an asset of a tenant."""
    row = db.execute(GET, {"tenant": tenant, "asset_id": asset_id}).fetchone()
    return StoredAsset.model_validate(row) if row else None


def list_of_project(
    db: Database, tenant: str, project_id: UUID, before: UUID | None, limit: int
) -> list[StoredAsset] | None:
    """Read assets of a project, newest first; None without such a project."""
    rows = db.execute(
        LIST_OF_PROJECT, {"tenant": tenant, "project_id": project_id, "before": before, "limit": limit}
    ).fetchall()
    return [StoredAsset.model_validate(row) for row in rows if row["id"] is not None] if rows else None


def pictures_of_project(db: Database, tenant: str, project_id: UUID, limit: int) -> ProjectPictures | None:
    """Read the first approved pictures of a project; None without such a project."""
    rows = db.execute(PICTURES_OF_PROJECT, {"tenant": tenant, "project_id": project_id, "limit": limit}).fetchall()
    if not rows:
        return None
    pictures = [Picture.model_validate(row) for row in rows if row["object_key"] is not None]
    return ProjectPictures(name=rows[0]["name"], total=rows[0]["total"], pictures=pictures)


def lock_card(db: Database, tenant: str, card_id: UUID) -> bool:
    """Hold a card against other approvals and deletion; tell whether it exists. Needs a transaction."""
    return db.execute(LOCK_CARD, {"tenant": tenant, "card_id": card_id}).fetchone() is not None


def approve(
    db: Database, tenant: str, card_id: UUID, job_id: UUID, *, approved_by: str, correlation_id: str
) -> Changed[ApprovalOutcome] | None:
    """Make a job's output the asset of its locked card; None if the card has no such job."""
    row = db.execute(
        APPROVE,
        {
            "tenant": tenant,
            "card_id": card_id,
            "job_id": job_id,
            "asset_id": new_id(),
            "event_id": new_id(),
            "approved_by": approved_by,
            "correlation_id": correlation_id,
        },
    ).fetchone()
    if row is None:
        return None
    made = StoredAsset.model_validate(row["asset"]) if row["asset"] else None
    before = StoredAsset.model_validate(row["before"]) if row["before"] else None
    standing = before if before and before.job_id == job_id else None
    outcome = ApprovalOutcome(
        job_status=row["job_status"],
        asset=made or standing,
        created=made is not None,
        replaced=Replaced(id=before.id, job_id=before.job_id) if made and before else None,
    )
    return Changed(outcome, rows_of(row["events"]))
