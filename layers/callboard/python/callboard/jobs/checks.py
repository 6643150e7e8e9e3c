"""Asking services how attempts fare, storing outputs, ending jobs."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any, assert_never

from callboard import metrics, queues, storage
from callboard.crash import crash_point
from callboard.database import Database
from callboard.events import service as events
from callboard.jobs import repository
from callboard.jobs.models import TERMINAL, Job
from callboard.jobs.repository import CheckOutcome, CheckTicket, DueCheck, Moves
from callboard.jobs.submission import message_delay, retry_delay
from callboard.observability import logger
from callboard.providers.errors import AttemptForgottenError, OutputUnavailableError, ProviderError
from callboard.providers.models import ErrorCode, Observation, ProviderClient
from callboard.providers.refusals import classify
from callboard.providers.service import client_of
from callboard.queues import Message
from callboard.settings import get_settings

# Longer than the function may run: past it the checker is dead, and the sweep sends the check again.
LEASE_SECONDS = 150.0
INTERVAL_GROWTH = 1.5
INTERVAL_MAX_SECONDS = 60.0
INTERVAL_JITTER = 0.2
WORKERS = 10
MAX_OUTPUT_TRIES = 4
# Failures that lie in the request: another attempt would only cost.
FINAL_CODES: frozenset[ErrorCode] = frozenset({"invalid_input", "content_policy", "provider_rejected"})


def check_interval(checks_made: int) -> float:
    """Return seconds until the next check: growing from the configured interval up to a minute, with jitter."""
    grown = min(INTERVAL_MAX_SECONDS, get_settings().check_interval_seconds * INTERVAL_GROWTH**checks_made)
    return grown * random.uniform(1 - INTERVAL_JITTER, 1 + INTERVAL_JITTER)


def check_attempts(db: Database, tickets: Sequence[CheckTicket]) -> int:
    """Check attempts and end the jobs whose services are done; return how many tickets counted.

    A batch of ten costs three round trips to the database and one PutEvents. An output is in the bucket before its job
    is `completed`.
    """
    due = repository.claim_checks(db, tickets, LEASE_SECONDS)
    if not due:
        return 0
    for check in due:
        crash_point("check_job.after_claim", check.job.correlation_id)
    with ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="check") as pool:
        outcomes = list(pool.map(_check, due))
    moves = repository.record_checks(db, outcomes)
    metrics.emit({"GenerationSeconds": [_generated_in(job) for job in moves.jobs if job.status == "completed"]})
    for check in due:
        crash_point("check_job.after_record", check.job.correlation_id)
    _send_follow_ups(due, outcomes, moves)
    events.publish(db, moves.events, origin="check_job")
    return len(due)


def _generated_in(job: Job) -> float:
    if job.started_at is None or job.completed_at is None:
        return 0.0
    return (job.completed_at - job.started_at).total_seconds()


def _check(check: DueCheck) -> CheckOutcome:
    outcome = _outcome_of(check)
    logger.info(
        "check",
        action="job_check",
        outcome=outcome.outcome,
        job_id=str(check.job.id),
        attempt=check.attempt,
        provider=check.provider.name,
        error_code=outcome.error_code,
        correlation_id=check.job.correlation_id,
    )
    return outcome


def _outcome_of(check: DueCheck) -> CheckOutcome:
    conclude = partial(CheckOutcome, job_id=check.job.id, attempt=check.attempt, seq=check.seq)
    client = client_of(check.provider)
    if check.job.status in TERMINAL or check.job.attempt != check.attempt:
        return _abandon(check, client, conclude)
    cancel_sent = check.cancel_sent
    try:
        observation = _observe(check, client)
        if observation.state == "running" and check.job.cancel_requested and not cancel_sent:
            crash_point("check_job.before_cancel", check.job.correlation_id)
            if not _cancel(check, client):
                return conclude(outcome="cancelled", cancel_sent=True)
            cancel_sent = True
            crash_point("check_job.after_cancel", check.job.correlation_id)
            observation = _observe(check, client)
    except AttemptForgottenError as error:
        return _failed(check, conclude, error.error_code, str(error))
    except ProviderError:
        # The service cannot say just now; that is no failure of the job, whose deadline bounds the asking.
        return conclude(outcome="running", delay_seconds=check_interval(check.seq), cancel_sent=cancel_sent)
    match observation.state:
        case "running":
            return conclude(
                outcome="running",
                delay_seconds=_next_check(check),
                progress=observation.progress,
                cancel_sent=cancel_sent,
            )
        case "succeeded":
            return _store_output(check, client, conclude, observation)
        case "cancelled":
            if check.job.cancel_requested:
                return conclude(outcome="cancelled", cancel_sent=cancel_sent)
            if datetime.now(UTC) >= check.job.deadline_at:
                return conclude(outcome="failed", error_code="deadline", error_message="The deadline has passed.")
            return _failed(check, conclude, "provider_unavailable", "The service stopped the job by itself.")
        case "failed":
            code = observation.error_code or "provider_unavailable"
            return _failed(check, conclude, code, observation.error_message or "The service failed.")
        case _:
            assert_never(observation.state)


def _next_check(check: DueCheck) -> float:
    if check.provider.kind == "push":
        # Its reports ask for a check; in between there is nothing to learn.
        return INTERVAL_MAX_SECONDS
    if check.job.cancel_requested:
        return get_settings().check_interval_seconds
    return check_interval(check.seq - 1)


def _observe(check: DueCheck, client: ProviderClient) -> Observation:
    if check.provider.kind == "push":
        return _reported(check.report)
    if check.provider_job_id is None:
        raise AttemptForgottenError("The service's id for the attempt is missing.")
    return client.get(check.provider_job_id) or Observation("running")


def _reported(report: dict[str, Any] | None) -> Observation:
    match (report or {}).get("status"):
        case "completed":
            return Observation("succeeded", output_url=(report or {}).get("result_url"))
        case "failed":
            message = str((report or {}).get("error_message") or "The service failed.")
            return Observation("failed", error_message=message, error_code=classify(message))
        case "cancelled":
            return Observation("cancelled")
        case _:
            return Observation("running", progress=(report or {}).get("progress"))


def _cancel(check: DueCheck, client: ProviderClient) -> bool:
    return check.provider_job_id is not None and client.cancel(check.provider_job_id)


def _abandon(check: DueCheck, client: ProviderClient, conclude: "partial[CheckOutcome]") -> CheckOutcome:
    """Stop an attempt that no longer matters and keep what the service said of it."""
    try:
        _cancel(check, client)
        late = _observe(check, client)
    except ProviderError:
        return conclude(outcome="abandoned")
    return conclude(outcome="abandoned", late_result={"status": late.state})


def _failed(check: DueCheck, conclude: "partial[CheckOutcome]", code: ErrorCode, message: str) -> CheckOutcome:
    again = code not in FINAL_CODES and check.job.failures + 1 < check.provider.max_attempts
    if again:
        return conclude(
            outcome="retry", delay_seconds=retry_delay(check.job.failures), error_code=code, error_message=message
        )
    return conclude(outcome="failed", error_code=code, error_message=message)


def _store_output(
    check: DueCheck, client: ProviderClient, conclude: "partial[CheckOutcome]", observation: Observation
) -> CheckOutcome:
    try:
        if not observation.output_url:
            raise OutputUnavailableError("The service succeeded without an output.", permanent=True)
        output = client.fetch(observation.output_url)
    except OutputUnavailableError as error:
        if error.permanent or check.output_failures + 1 >= MAX_OUTPUT_TRIES:
            return conclude(
                outcome="failed", output_failed=True, error_code="output_unavailable", error_message=str(error)
            )
        return conclude(outcome="running", output_failed=True, delay_seconds=check_interval(check.output_failures))
    job = check.job
    key = storage.output_key(job.tenant, job.project_id, job.id, check.attempt, output.extension)
    crash_point("check_job.before_store", job.correlation_id)
    storage.store(key, output.content, output.media_type, output.sha256, {"job-id": str(job.id)})
    crash_point("check_job.after_store", job.correlation_id)
    return conclude(
        outcome="completed",
        object_key=key,
        media_type=output.media_type,
        output_bytes=len(output.content),
        output_sha256=output.sha256.hex(),
    )


def _send_follow_ups(due: Sequence[DueCheck], outcomes: Sequence[CheckOutcome], moves: Moves) -> None:
    settings = get_settings()
    checks = [
        Message(
            CheckTicket(outcome.job_id, outcome.attempt, outcome.seq).as_json()
            | {"correlation_id": check.job.correlation_id},
            message_delay(outcome.delay_seconds),
        )
        for check, outcome in zip(due, outcomes, strict=True)
        if outcome.outcome == "running"
    ]
    if checks:
        queues.send(settings.checks_queue_url, checks)
    # Every job that left `processing` freed a place; one that goes back waits for its time first.
    wakes = []
    for job in moves.jobs:
        if job.status == "processing":
            continue
        wakes.append(Message({"correlation_id": job.correlation_id}))
        if job.status == "queued":
            seconds = max(0.0, (job.run_after - datetime.now(UTC)).total_seconds())
            body = {"job_id": str(job.id), "correlation_id": job.correlation_id}
            wakes.append(Message(body, message_delay(seconds)))
    if wakes:
        queues.send(settings.jobs_queue_url, wakes)
    for check in due:
        crash_point("check_job.after_send", check.job.correlation_id)
