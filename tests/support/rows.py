"""Rows of the board and of jobs, inserted directly, as what a test finds when it begins."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from callboard.database import Database
from callboard.ids import new_id


def insert_project(db: Database, *, tenant: str = "alice", name: str = "Project", description: str = "") -> UUID:
    """Insert a project, without an event, and return its id."""
    project_id = new_id()
    db.execute(
        "INSERT INTO projects (id, tenant, name, description, created_by) VALUES (%s, %s, %s, %s, %s)",
        (project_id, tenant, name, description, f"user-{tenant}"),
    )
    return project_id


def insert_activity(db: Database, project_id: UUID, *, title: str = "Activity", position: int = 0) -> UUID:
    """Insert an activity of the project's tenant, without an event, and return its id."""
    activity_id = new_id()
    inserted = db.execute(
        "INSERT INTO activities (id, tenant, project_id, title, position) "
        "SELECT %s, tenant, id, %s, %s FROM projects WHERE id = %s",
        (activity_id, title, position, project_id),
    ).rowcount
    assert inserted == 1, "there is no such project"
    return activity_id


def insert_card(
    db: Database,
    activity_id: UUID,
    *,
    title: str = "Card",
    params: dict[str, Any] | None = None,
    position: int = 0,
) -> UUID:
    """Insert a card of the activity's tenant, without an event, and return its id."""
    card_id = new_id()
    inserted = db.execute(
        "INSERT INTO task_cards (id, tenant, project_id, activity_id, title, params, position) "
        "SELECT %s, tenant, project_id, id, %s, %s, %s FROM activities WHERE id = %s",
        (card_id, title, Jsonb(params or {}), position, activity_id),
    ).rowcount
    assert inserted == 1, "there is no such activity"
    return card_id


def insert_board(db: Database, *, tenant: str = "alice") -> tuple[UUID, UUID, UUID]:
    """Insert a project with one activity with one card; return their ids in this order."""
    project_id = insert_project(db, tenant=tenant)
    activity_id = insert_activity(db, project_id)
    return project_id, activity_id, insert_card(db, activity_id)


def insert_provider(db: Database, name: str = "replicate", **columns: Any) -> str:
    """Insert a provider unless it is there, with these columns set, and return its name."""
    values = {
        "kind": "replicate",
        "base_url": "http://127.0.0.1:9",
        "token_secret": "callboard/provider-token",
        "webhook_secret": "callboard/provider-webhook",
        "output_hosts": ["127.0.0.1"],
        "model_id": None,
        "region": None,
        "output_bucket": None,
        "max_in_flight": 20,
        "max_in_flight_per_tenant": 10,
        "max_attempts": 3,
        "enabled": True,
        "paused_until": None,
        "pauses": 0,
    }
    unknown = columns.keys() - values.keys()
    assert not unknown, f"providers has no such columns: {unknown}"
    db.execute(
        """
        INSERT INTO providers (name, kind, base_url, token_secret, webhook_secret, output_hosts, model_id, region,
                               output_bucket, max_in_flight, max_in_flight_per_tenant, max_attempts, enabled,
                               paused_until, pauses)
        VALUES (%(name)s, %(kind)s, %(base_url)s, %(token_secret)s, %(webhook_secret)s, %(output_hosts)s,
                %(model_id)s, %(region)s, %(output_bucket)s, %(max_in_flight)s, %(max_in_flight_per_tenant)s,
                %(max_attempts)s, %(enabled)s, %(paused_until)s, %(pauses)s)
        ON CONFLICT (name) DO NOTHING""",
        values | columns | {"name": name},
    )
    return name


def insert_job(db: Database, card_id: UUID, *, status: str = "queued", **columns: Any) -> UUID:
    """Insert a job of the card's tenant in this state, without an event, and return its id.

    What the state requires (a result, an error code, an end) is filled in; attempts are inserted by `insert_attempt`.
    Its provider is inserted if it is not there.
    """
    job_id = new_id()
    now = datetime.now(UTC)
    ended = status in {"completed", "failed", "cancelled"}
    values: dict[str, Any] = {
        "provider": "replicate",
        "params": {"prompt": "A lighthouse"},
        "priority": 0,
        "run_after": now - timedelta(seconds=1),
        "deadline_at": now + timedelta(hours=1),
        "on_unknown": "fail",
        "attempt": 0 if status in {"queued", "cancelled"} else 1,
        "failures": 0,
        "progress": 1.0 if status == "completed" else None,
        "cancel_requested": False,
        "retry_of": None,
        "result_url": f"outputs/test/{job_id}/1.png" if status == "completed" else None,
        "media_type": "image/png" if status == "completed" else None,
        "error_code": "provider_rejected" if status == "failed" else None,
        "error_message": "The service refused." if status == "failed" else None,
        "thread_id": None,
        "correlation_id": f"correlation-{job_id}",
        "created_by": "user-alice",
        "created_at": now,
        "started_at": None if status in {"queued", "cancelled"} else now,
        "completed_at": now if ended else None,
    }
    unknown = columns.keys() - values.keys()
    assert not unknown, f"generation_jobs has no such columns: {unknown}"
    values |= columns
    insert_provider(db, values["provider"])
    inserted = db.execute(
        """
        INSERT INTO generation_jobs (
            id, tenant, project_id, card_id, provider, status, params, priority, run_after, deadline_at, on_unknown,
            attempt, failures, progress, cancel_requested, retry_of, result_url, media_type, error_code, error_message,
            thread_id, correlation_id, created_by, created_at, started_at, completed_at)
        SELECT %(id)s, tenant, project_id, id, %(provider)s, %(status)s, %(params)s, %(priority)s, %(run_after)s,
               %(deadline_at)s, %(on_unknown)s, %(attempt)s, %(failures)s, %(progress)s, %(cancel_requested)s,
               %(retry_of)s, %(result_url)s, %(media_type)s, %(error_code)s, %(error_message)s, %(thread_id)s,
               %(correlation_id)s, %(created_by)s, %(created_at)s, %(started_at)s, %(completed_at)s
        FROM task_cards WHERE id = %(card_id)s""",
        values | {"id": job_id, "card_id": card_id, "status": status, "params": Jsonb(values["params"])},
    ).rowcount
    assert inserted == 1, "there is no such card"
    return job_id


def insert_attempt(db: Database, job_id: UUID, *, attempt: int = 1, **columns: Any) -> None:
    """Insert an attempt of the job; by default one that its service accepted as `prediction-<job id>`."""
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "state": "submitted",
        "provider_job_id": f"prediction-{job_id}",
        "lease_until": None,
        "check_seq": 1,
        "next_check_at": now,
        "output_failures": 0,
        "cancel_sent_at": None,
        "submitted_at": now,
    }
    unknown = columns.keys() - values.keys()
    assert not unknown, f"job_attempts has no such columns: {unknown}"
    inserted = db.execute(
        """
        INSERT INTO job_attempts (job_id, attempt, provider, state, provider_job_id, lease_until, check_seq,
                                  next_check_at, output_failures, cancel_sent_at, submitted_at)
        SELECT id, %(attempt)s, provider, %(state)s, %(provider_job_id)s, %(lease_until)s, %(check_seq)s,
               %(next_check_at)s, %(output_failures)s, %(cancel_sent_at)s, %(submitted_at)s
        FROM generation_jobs WHERE id = %(job_id)s""",
        values | columns | {"job_id": job_id, "attempt": attempt},
    ).rowcount
    assert inserted == 1, "there is no such job"
