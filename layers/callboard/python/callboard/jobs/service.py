"""What callers do with jobs: create, read, cancel, retry, ask why one waits."""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from callboard import queues, storage
from callboard.crash import crash_point
from callboard.database import Database
from callboard.errors import ServiceUnavailableError
from callboard.events import service as events
from callboard.events.models import EventRow
from callboard.identity import Caller
from callboard.ids import new_id
from callboard.jobs import repository
from callboard.jobs.errors import (
    CardNotFoundError,
    IdempotencyKeyReusedError,
    JobNotFoundError,
    JobStateConflictError,
    UnknownProviderError,
    WebhooksNotOfferedError,
)
from callboard.jobs.models import (
    LIVE,
    TERMINAL,
    AcceptedJob,
    Explanation,
    Job,
    JobFilter,
    JobView,
    NewJob,
    WaitReason,
)
from callboard.jobs.repository import CheckTicket, IdempotencyKey, JobSpec
from callboard.observability import correlation_id, logger
from callboard.pagination import Page, decode_cursor, page_of
from callboard.queues import Message
from callboard.settings import get_settings

# API Gateway cuts an answer off after 30 seconds.
MAX_WAIT_SECONDS = 25
WAIT_STEP_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Cancellation:
    """A job after its cancellation was asked for, and what is to follow the commit.

    `asked` is false when the job had ended before. `checks` are messages for ChecksQueue.
    """

    job: Job
    asked: bool
    events: Sequence[EventRow]
    checks: Sequence[Message]


def create_jobs(
    db: Database,
    caller: Caller,
    requests: Sequence[NewJob],
    *,
    scope: str,
    idempotency_key: str | None = None,
    thread_id: str | None = None,
) -> tuple[list[AcceptedJob], bool]:
    """Accept jobs, all or none, in one statement; return them and whether this was a replay.

    The caller still has to wake the queue (`wake`), after the commit.

    Args:
        db: A connection, inside a transaction if the jobs belong to a larger change.
        caller: Whose jobs they are.
        requests: What is wanted.
        scope: Where the idempotency key counts, as method and path.
        idempotency_key: The caller's name for this request; the same again returns the first answer.
        thread_id: The agent's thread that waits for these jobs.

    Raises:
        CardNotFoundError: A card does not exist for the caller's tenant.
        UnknownProviderError: A provider is not configured.
        IdempotencyKeyReusedError: The key came with another request before.
        WebhooksNotOfferedError: A callback_url was given.
    """
    settings = get_settings()
    if any(request.callback_url is not None for request in requests):
        raise WebhooksNotOfferedError
    specs = [
        JobSpec(
            id=new_id(),
            card_id=request.card_id,
            provider=request.provider or settings.default_provider,
            params=request.params,
            priority=request.priority,
            run_after=request.run_after,
            deadline_seconds=request.deadline_seconds or settings.default_deadline_seconds,
            on_unknown=request.on_unknown,
        )
        for request in requests
    ]
    body = [request.model_dump(mode="json") for request in requests]
    return _create(db, caller, specs, _key_of(idempotency_key, scope, body), thread_id)


def retry_job(
    db: Database, caller: Caller, job_id: UUID, *, idempotency_key: str | None = None, thread_id: str | None = None
) -> tuple[AcceptedJob, bool]:
    """Accept a new job like an ended one that did not complete; return it and whether this was a replay.

    It belongs to the agent's thread that asks for it, else to that of the old job.

    Raises:
        JobNotFoundError: The job does not exist for the caller's tenant.
        JobStateConflictError: It is under way or completed.
    """
    job = get_job(db, caller, job_id)
    if job.status not in {"failed", "cancelled"}:
        raise JobStateConflictError("Only a failed or cancelled job can be retried.", details={"status": job.status})
    spec = JobSpec(
        id=new_id(),
        card_id=job.card_id,
        provider=job.provider,
        params=job.params,
        priority=job.priority,
        run_after=None,
        deadline_seconds=max(1, round((job.deadline_at - job.created_at).total_seconds())),
        on_unknown=job.on_unknown,
        retry_of=job.id,
    )
    key = _key_of(idempotency_key, f"POST /api/jobs/{job_id}/retry", {})
    accepted, replayed = _create(db, caller, [spec], key, thread_id or job.thread_id)
    return accepted[0].model_copy(update={"retry_of": job.id}), replayed


def _key_of(idempotency_key: str | None, scope: str, body: Any) -> IdempotencyKey | None:
    if idempotency_key is None:
        return None
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return IdempotencyKey(idempotency_key, scope, digest)


def _create(
    db: Database, caller: Caller, specs: Sequence[JobSpec], key: IdempotencyKey | None, thread_id: str | None
) -> tuple[list[AcceptedJob], bool]:
    crash_point("create_job.before_commit")
    creation = repository.create(
        db,
        specs,
        tenant=caller.tenant,
        caller=caller.user_id,
        correlation_id=correlation_id(),
        thread_id=thread_id,
        key=key,
    )
    crash_point("create_job.after_commit")
    if creation.unknown_cards:
        raise CardNotFoundError(details={"card_ids": [str(card) for card in creation.unknown_cards]})
    if creation.unknown_providers:
        raise UnknownProviderError(details={"providers": creation.unknown_providers})
    if creation.created:
        return [AcceptedJob(job_id=spec.id, retry_of=spec.retry_of) for spec in specs], False
    if key is None or creation.first_request_hash != key.request_hash:
        raise IdempotencyKeyReusedError
    return [AcceptedJob(job_id=job_id) for job_id in creation.first_job_ids], True


def wake(job_ids: Sequence[UUID]) -> None:
    """Wake the queue for new jobs. A lost wake-up costs time, not jobs: the sweep wakes what waits too long."""
    messages = [Message({"job_id": str(job_id), "correlation_id": correlation_id()}) for job_id in job_ids]
    try:
        queues.send(get_settings().jobs_queue_url, messages)
    except ServiceUnavailableError:
        logger.exception("wake-up lost", action="wake_lost", jobs=len(messages))
    crash_point("create_job.after_send")


def get_job(db: Database, caller: Caller, job_id: UUID) -> Job:
    """Read a job.

    Raises:
        JobNotFoundError: It does not exist for the caller's tenant.
    """
    job = repository.get(db, caller.tenant, job_id)
    if job is None:
        raise JobNotFoundError
    return job


def wait_for_end(db: Database, caller: Caller, job_id: UUID, seconds: float) -> Job:
    """Read a job once it has ended, or as it is when the time is up."""
    give_up_at = time.monotonic() + min(seconds, MAX_WAIT_SECONDS)
    while True:
        job = get_job(db, caller, job_id)
        left = give_up_at - time.monotonic()
        if job.status in TERMINAL or left <= 0:
            return job
        time.sleep(min(WAIT_STEP_SECONDS, left))


def list_jobs(db: Database, caller: Caller, job_filter: JobFilter, cursor: str | None, limit: int) -> Page[Job]:
    """Read a page of jobs, newest first.

    Raises:
        InvalidCursorError: The cursor is not one of this list.
    """
    key = decode_cursor(cursor, UUID)
    rows = repository.list_jobs(db, caller.tenant, job_filter, key[0] if key else None, limit + 1)
    return page_of(rows, limit, lambda job: (str(job.id),))


def cancel_job(db: Database, caller: Caller, job_id: UUID) -> Cancellation:
    """Cancel a queued job at once, or have a running one cancelled.

    An ended job stays as it is. A repeated request for a running one asks again and changes nothing. What it leaves
    to be done after the commit is done by `follow_cancellation`.

    Raises:
        JobNotFoundError: It does not exist for the caller's tenant.
    """
    moves = repository.cancel(db, caller.tenant, job_id)
    job = moves.jobs[0] if moves.jobs else get_job(db, caller, job_id)
    checks = []
    if job.status == "processing":
        checks = [Message(CheckTicket(job.id, job.attempt).as_json() | {"correlation_id": job.correlation_id})]
    return Cancellation(job, asked=bool(moves.jobs) or job.status in LIVE, events=moves.events, checks=checks)


def follow_cancellation(db: Database, cancellation: Cancellation) -> None:
    """Have the job's service stopped and the events published. Call it after the commit.

    Raises:
        QueueUnavailableError: Nothing was sent: whoever repeats the request gets it sent sooner than the next check.
    """
    crash_point("manage_jobs.after_commit")
    if cancellation.checks:
        queues.send(get_settings().checks_queue_url, cancellation.checks)
        crash_point("manage_jobs.after_send")
    events.publish(db, cancellation.events, origin="manage_jobs")


def ask_for_checks(checks: Sequence[Message]) -> None:
    """Have running jobs looked at now. A lost message costs time: their next check finds what was asked for."""
    try:
        queues.send(get_settings().checks_queue_url, checks)
    except ServiceUnavailableError:
        logger.exception("check lost", action="check_lost", checks=len(checks))


def explain_job(db: Database, caller: Caller, job_id: UUID) -> Explanation:
    """Say what holds a job back: the limit, pause, time or place in the queue.

    Raises:
        JobNotFoundError: It does not exist for the caller's tenant.
    """
    row = repository.explain(db, caller.tenant, job_id)
    if row is None:
        raise JobNotFoundError
    queued = row["status"] == "queued"
    reasons = list(_reasons(row))
    return Explanation(
        job_id=job_id,
        status=row["status"],
        waiting=queued,
        place=row["ahead"] + 1 if queued else None,
        reasons=reasons,
    )


def _reasons(row: dict[str, Any]) -> list[WaitReason]:
    if row["status"] in TERMINAL:
        return [WaitReason(code="ended", message=f"The job has ended: {row['status']}.", until=row["completed_at"])]
    if row["status"] == "processing":
        return [_running_reason(row)]
    now = datetime.now(UTC)
    reasons = []
    if not row["enabled"]:
        reasons.append(WaitReason(code="provider_disabled", message="The provider takes no jobs any more."))
    if row["paused_until"] and row["paused_until"] > now:
        message = "The provider is left alone after an outage or rate limit."
        reasons.append(WaitReason(code="provider_paused", message=message, until=row["paused_until"]))
    if row["run_after"] > now:
        message = "The job is not to start yet, or waits before another attempt."
        reasons.append(WaitReason(code="run_after", message=message, until=row["run_after"]))
    if row["tenant_in_flight"] >= row["max_in_flight_per_tenant"]:
        message = (
            f"{row['tenant_in_flight']} of your {row['max_in_flight_per_tenant']} places at the provider are taken."
        )
        reasons.append(WaitReason(code="tenant_limit", message=message))
    if row["in_flight"] >= row["max_in_flight"]:
        message = f"All {row['max_in_flight']} places at the provider are taken."
        reasons.append(WaitReason(code="provider_limit", message=message))
    if row["ahead"]:
        message = f"{row['ahead']} of your jobs at this provider come first, by priority and age."
        reasons.append(WaitReason(code="queue_place", message=message))
    return reasons or [WaitReason(code="about_to_start", message="Nothing holds the job back; it is about to start.")]


def _running_reason(row: dict[str, Any]) -> WaitReason:
    if row["attempt_state"] == "unknown":
        message = "It is not known whether the service took the job; this is being found out."
        return WaitReason(code="submission_unknown", message=message, until=row["deadline_at"])
    if row["cancel_requested"]:
        message = "Cancellation was asked for; the service has to confirm it."
        return WaitReason(code="cancel_requested", message=message, until=row["next_check_at"])
    message = f"Attempt {row['attempt']} is under way; the service is asked again by then."
    return WaitReason(code="running", message=message, until=row["next_check_at"])


def view_of(job: Job) -> JobView:
    """Show a job, with a fresh URL of its output."""
    output = storage.presigned_url(job.result_url) if job.result_url else None
    shown = job.model_dump(include=set(JobView.model_fields) - {"job_id", "result_url", "result_url_expires_at"})
    return JobView(
        job_id=job.id,
        result_url=output.url if output else None,
        result_url_expires_at=output.expires_at if output else None,
        **shown,
    )
