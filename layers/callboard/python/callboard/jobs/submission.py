"""Claiming waiting jobs and handing them to their services."""

import math
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID

from callboard import metrics, queues
from callboard.crash import crash_point
from callboard.database import Database
from callboard.events import repository as event_log
from callboard.events import service as events
from callboard.jobs import repository
from callboard.jobs.models import Job
from callboard.jobs.repository import CheckTicket, Claim, Moves, SubmissionOutcome
from callboard.observability import logger
from callboard.providers.errors import (
    ContentRefusedError,
    InvalidParamsError,
    ProviderError,
    ProviderPausedError,
    SubmissionRejectedError,
    SubmissionUnknownError,
)
from callboard.providers.models import Provider, Submission
from callboard.providers.service import client_of
from callboard.queues import Message
from callboard.settings import get_settings

BATCH = 10
# Longer than the function may run: past it the submitter is dead, and the attempt unknown.
LEASE_SECONDS = 90.0
RETRY_BASE_SECONDS = 2.0
RETRY_MAX_SECONDS = 120.0
PAUSE_BASE_SECONDS = 5.0
PAUSE_MAX_SECONDS = 300.0


def retry_delay(failures: int) -> float:
    """Return seconds before another attempt: exponential with full jitter.

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    return random.uniform(0, min(RETRY_MAX_SECONDS, RETRY_BASE_SECONDS * 2**failures))


def submit_waiting(db: Database, woken_for: Sequence[UUID]) -> int:
    """Claim up to a batch of waiting jobs and submit them; return how many.

    Three round trips to the database and one PutEvents a batch of ten, whatever waits. The intent of each attempt is
    committed before its service is called, and its outcome after: a crash in between leaves an attempt that is known
    to be unknown.

    Args:
        db: A connection outside of any transaction.
        woken_for: The jobs whose acceptance woke the queue; their `queued` events are published here.
    """
    with db.transaction():
        claimed = repository.claim(db, BATCH, LEASE_SECONDS)
        job_ids = [*woken_for, *(job.id for job in claimed.jobs)]
        unpublished = event_log.unpublished_of_jobs(db, job_ids, limit=4 * BATCH) if job_ids else []
    for job in claimed.jobs:
        crash_point("submit_job.after_claim", job.correlation_id)
    events.publish(db, unpublished, origin="submit_job")
    if not claimed.jobs:
        return 0
    now = datetime.now(UTC)
    metrics.emit({"QueueSeconds": [(now - max(job.created_at, job.run_after)).total_seconds() for job in claimed.jobs]})
    with ThreadPoolExecutor(max_workers=BATCH, thread_name_prefix="submit") as pool:
        outcomes = list(pool.map(lambda job: _submit(job, claimed.providers[job.provider]), claimed.jobs))
    moves = repository.record_submissions(db, outcomes, PAUSE_MAX_SECONDS)
    for job in claimed.jobs:
        crash_point("submit_job.after_record", job.correlation_id)
    _send_follow_ups(claimed, outcomes, moves)
    events.publish(db, moves.events, origin="submit_job.outcome")
    return len(claimed.jobs)


def _submit(job: Job, provider: Provider) -> SubmissionOutcome:
    seconds_left = (job.deadline_at - datetime.now(UTC)).total_seconds()
    submission = Submission(
        job_id=job.id,
        attempt=job.attempt,
        params=job.params,
        callback_url=callback_url(provider, job.id, job.attempt),
        seconds_left=seconds_left,
        correlation_id=job.correlation_id,
    )
    crash_point("submit_job.before_create", job.correlation_id)
    try:
        provider_job_id = client_of(provider).create(submission)
    except ProviderError as error:
        outcome = _outcome_of(job, provider, error)
    else:
        crash_point("submit_job.after_create", job.correlation_id)
        outcome = SubmissionOutcome(
            job_id=job.id,
            attempt=job.attempt,
            outcome="accepted",
            provider_job_id=provider_job_id,
            delay_seconds=get_settings().check_interval_seconds,
        )
    logger.info(
        "submission",
        action="job_submission",
        outcome=outcome.outcome,
        job_id=str(job.id),
        attempt=job.attempt,
        provider=provider.name,
        error_code=outcome.error_code,
        correlation_id=job.correlation_id,
    )
    return outcome


def callback_url(provider: Provider, job_id: UUID, attempt: int) -> str:
    """Return the URL that a service reports an attempt to; it names the attempt, so that a lost answer can be found."""
    public_url = get_settings().require("public_url").rstrip("/")
    if provider.kind == "push":
        return f"{public_url}/api/jobs/{job_id}/status?attempt={attempt}"
    return f"{public_url}/api/callbacks/{provider.name}?job_id={job_id}&attempt={attempt}"


def _outcome_of(job: Job, provider: Provider, error: ProviderError) -> SubmissionOutcome:
    match error:
        case ProviderPausedError():
            pause = error.retry_after_seconds or PAUSE_BASE_SECONDS
            return SubmissionOutcome(
                job_id=job.id,
                attempt=job.attempt,
                outcome="paused",
                pause_seconds=pause,
                error_code=error.error_code,
                error_message=str(error),
            )
        case SubmissionUnknownError():
            return SubmissionOutcome(
                job_id=job.id,
                attempt=job.attempt,
                outcome="unknown",
                error_code=error.error_code,
                error_message=str(error),
            )
        case InvalidParamsError() | ContentRefusedError() | SubmissionRejectedError():
            retryable = False
        case _:
            retryable = job.failures + 1 < provider.max_attempts
    return SubmissionOutcome(
        job_id=job.id,
        attempt=job.attempt,
        outcome="retry" if retryable else "rejected",
        delay_seconds=retry_delay(job.failures) if retryable else 0.0,
        error_code=error.error_code,
        error_message=str(error),
    )


def _send_follow_ups(claimed: Claim, outcomes: Sequence[SubmissionOutcome], moves: Moves) -> None:
    settings = get_settings()
    correlations = {job.id: job.correlation_id for job in claimed.jobs}
    checks = [
        Message(
            CheckTicket(outcome.job_id, outcome.attempt, 1).as_json()
            | {"correlation_id": correlations[outcome.job_id]},
            message_delay(outcome.delay_seconds),
        )
        for outcome in outcomes
        if outcome.outcome == "accepted"
    ]
    if checks:
        queues.send(settings.checks_queue_url, checks)
    for job in claimed.jobs:
        crash_point("submit_job.after_send", job.correlation_id)
    # A job that ended freed a place; one that goes back to the queue wants to be looked at when its time comes.
    wakes = [
        Message({"job_id": str(job.id), "correlation_id": job.correlation_id}, message_delay(_seconds_until(job)))
        for job in moves.jobs
    ]
    if len(claimed.jobs) == BATCH or _ended_a_pause(claimed, outcomes):
        # More may wait than this batch could take, or than the one probe of a paused provider.
        wakes.append(Message({}))
    if wakes:
        queues.send(settings.jobs_queue_url, wakes)


def _ended_a_pause(claimed: Claim, outcomes: Sequence[SubmissionOutcome]) -> bool:
    return any(
        outcome.outcome == "accepted" and claimed.providers[job.provider].pauses > 0
        for job, outcome in zip(claimed.jobs, outcomes, strict=True)
    )


def _seconds_until(job: Job) -> float:
    return max(0.0, (job.run_after - datetime.now(UTC)).total_seconds()) if job.status == "queued" else 0.0


def message_delay(seconds: float) -> int:
    """Return a delay as SQS takes it: whole seconds, never less, or the message would come before its time."""
    return math.ceil(max(0.0, seconds))
