"""What services tell us: callbacks that ask for a check, and status reports of push services."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from callboard import queues
from callboard.crash import crash_point
from callboard.database import Database
from callboard.jobs import repository
from callboard.jobs.errors import JobNotFoundError, JobStateConflictError, ProviderNotFoundError, StaleAttemptError
from callboard.jobs.models import ReportReceipt, StatusReport
from callboard.jobs.repository import CheckTicket
from callboard.observability import logger
from callboard.providers import webhooks
from callboard.providers.models import HttpProvider
from callboard.queues import Message
from callboard.secrets import secret
from callboard.settings import get_settings

# How long a confirmed attempt waits for its first check if the message that follows is lost.
LEASE_SECONDS = 60.0


def receive_report(
    db: Database,
    job_id: UUID,
    attempt: int | None,
    report: StatusReport,
    *,
    body: bytes,
    headers: Mapping[str, str],
) -> ReportReceipt:
    """Take a signed status report of a job.

    A push service's report is written down and counts; from a service that can be asked, it only asks for a check.
    Either way check_job ends the job, so that there is one place where outputs are fetched.

    Raises:
        InvalidSignatureError: The report is not signed by the job's service.
        JobNotFoundError: There is no such job.
        StaleAttemptError: It is about an earlier attempt.
        JobStateConflictError: The job is not under way.
    """
    # Without a signature nothing is said about which jobs exist.
    webhooks.require_headers(headers)
    reported = repository.reported_job(db, job_id)
    if reported is None or not isinstance(reported.provider, HttpProvider):
        raise JobNotFoundError
    webhook_id = webhooks.verify(secret(reported.provider.webhook_secret), body, headers)
    values = report.model_dump(mode="json")
    stale = attempt is not None and attempt != reported.attempt
    counts = reported.provider.kind == "push"
    fresh, counted = (
        (True, False) if stale else repository.record_report(db, reported, webhook_id, values, counts=counts)
    )
    if not fresh:
        _log("report_repeated", reported.id, reported.attempt, reported.correlation_id)
        return ReportReceipt(duplicate=True)
    if not counted:
        repository.record_late_result(db, job_id, reported.attempt if attempt is None else attempt, values)
        if stale:
            raise StaleAttemptError(details={"attempt": attempt, "current_attempt": reported.attempt})
        raise JobStateConflictError(
            f"A job that is {reported.status} cannot become {report.status}.", details={"status": reported.status}
        )
    crash_point("update_job_status.after_commit", reported.correlation_id)
    _ask_for_check(job_id, reported.attempt, reported.correlation_id)
    _log("report_taken", reported.id, reported.attempt, reported.correlation_id)
    return ReportReceipt()


def receive_callback(
    db: Database,
    provider_name: str,
    job_id: UUID,
    attempt: int,
    prediction: Mapping[str, Any],
    *,
    body: bytes,
    headers: Mapping[str, str],
    correlation: str,
) -> ReportReceipt:
    """Take a signed callback: it asks for a check now, since the service's own answer is what counts.

    It also settles an attempt whose submission was never confirmed: the callback names the service's id for it.

    Raises:
        ProviderNotFoundError: There is no such provider.
        InvalidSignatureError: The callback is not signed by it.
    """
    webhooks.require_headers(headers)
    provider = repository.provider(db, provider_name)
    if not isinstance(provider, HttpProvider):
        # Bedrock calls nobody back.
        raise ProviderNotFoundError
    webhooks.verify(secret(provider.webhook_secret), body, headers)
    provider_job_id = prediction.get("id")
    if isinstance(provider_job_id, str) and provider_job_id:
        repository.adopt_callback(db, provider_name, job_id, attempt, provider_job_id[:200], LEASE_SECONDS)
        crash_point("update_job_status.after_adopt", correlation)
    _ask_for_check(job_id, attempt, correlation)
    _log("callback_taken", job_id, attempt, correlation)
    return ReportReceipt()


def _ask_for_check(job_id: UUID, attempt: int, correlation: str) -> None:
    ticket = CheckTicket(job_id, attempt).as_json() | {"correlation_id": correlation}
    queues.send(get_settings().checks_queue_url, [Message(ticket)])
    crash_point("update_job_status.after_send", correlation)


def _log(action: str, job_id: UUID, attempt: int, correlation: str) -> None:
    logger.info("report", action=action, job_id=str(job_id), attempt=attempt, correlation_id=correlation)
