"""What must not depend on any message: deadlines, lost messages, lost submissions, retention."""

from callboard import metrics, queues
from callboard.crash import crash_point
from callboard.database import Database
from callboard.events import repository as event_log
from callboard.events import service as events
from callboard.jobs import repository
from callboard.jobs.repository import CheckTicket, UnknownSubmission
from callboard.jobs.submission import callback_url
from callboard.observability import logger
from callboard.providers.errors import ProviderError
from callboard.providers.service import client_of
from callboard.queues import Message
from callboard.settings import get_settings

BATCH = 200
WAKES = 20
# Each costs a look at its service's listing.
UNKNOWN_BATCH = 20
OVERDUE_SECONDS = 30.0
# A service may list a prediction a little after it took it.
LISTING_GRACE_SECONDS = 120.0
ADOPTED_LEASE_SECONDS = 60.0


def sweep(db: Database) -> dict[str, int]:
    """Do everything that is due; return how much of each. Each part is idempotent and bounded."""
    expired = _expire(db)
    lost = repository.lose_submissions(db, BATCH)
    crash_point("sweep_jobs.after_lost")
    settled = _settle_unknown(db)
    overdue = _send_overdue_checks(db)
    woken = _wake_waiting(db)
    settings = get_settings()
    pruned = event_log.prune(db, settings.event_retention_days, BATCH) + repository.prune(
        db, settings.idempotency_retention_hours, BATCH
    )
    unpublished_seconds, connections = event_log.gauges(db)
    metrics.emit({"OldestUnpublishedEventSeconds": unpublished_seconds, "DatabaseConnections": connections})
    return {
        "expired": expired,
        "lost": lost,
        "settled": settled,
        "overdue": overdue,
        "woken": woken,
        "pruned": pruned,
    }


def _expire(db: Database) -> int:
    moves = repository.expire(db, BATCH)
    for job in moves.jobs:
        crash_point("sweep_jobs.after_expire", job.correlation_id)
    # The attempts of expired jobs are asked to stop by check_job.
    tickets = [
        Message(CheckTicket(job.id, job.attempt).as_json() | {"correlation_id": job.correlation_id})
        for job in moves.jobs
        if job.attempt
    ]
    if tickets:
        settings = get_settings()
        queues.send(settings.checks_queue_url, tickets)
        queues.send(settings.jobs_queue_url, [Message({}) for _ in tickets[: _wakes_for(len(tickets))]])
    events.publish(db, moves.events, origin="sweep_jobs")
    return len(moves.jobs)


def _wakes_for(freed: int) -> int:
    """Return how many wake-ups fill this many freed places: each claims a batch."""
    return min(WAKES, -(-freed // 10))


def _settle_unknown(db: Database) -> int:
    """Look unknown submissions up at their services; what is found goes on, what is not waits or is submitted again."""
    unknown = repository.unknown_submissions(db, LISTING_GRACE_SECONDS, UNKNOWN_BATCH)
    found: list[CheckTicket] = []
    missing: list[UnknownSubmission] = []
    for submission in unknown:
        try:
            provider_job_id = client_of(submission.provider).find(
                submission.job_id,
                submission.attempt,
                callback_url(submission.provider, submission.job_id, submission.attempt),
            )
        except ProviderError:
            logger.warning("listing failed", action="listing_failed", provider=submission.provider.name)
            continue
        if provider_job_id is None:
            missing.append(submission)
        elif repository.adopt_callback(
            db,
            submission.provider.name,
            submission.job_id,
            submission.attempt,
            provider_job_id,
            ADOPTED_LEASE_SECONDS,
        ):
            found.append(CheckTicket(submission.job_id, submission.attempt))
    if found:
        queues.send(get_settings().checks_queue_url, [Message(ticket.as_json()) for ticket in found])
    again = [submission for submission in missing if submission.resubmit and submission.settled]
    if again:
        moves = repository.resubmit_unknown(db, again)
        queues.send(
            get_settings().jobs_queue_url,
            [Message({"job_id": str(job.id), "correlation_id": job.correlation_id}) for job in moves.jobs],
        )
        events.publish(db, moves.events, origin="sweep_jobs")
    if missing:
        repository.touch_unknown(db, missing)
    return len(found) + len(again)


def _send_overdue_checks(db: Database) -> int:
    tickets = repository.overdue_checks(db, OVERDUE_SECONDS, BATCH)
    if tickets:
        queues.send(get_settings().checks_queue_url, [Message(ticket.as_json()) for ticket in tickets])
    return len(tickets)


def _wake_waiting(db: Database) -> int:
    waiting = repository.waiting(db, OVERDUE_SECONDS, WAKES)
    messages = [Message({"job_id": str(job_id), "correlation_id": correlation}) for job_id, correlation in waiting]
    if messages:
        queues.send(get_settings().jobs_queue_url, messages)
    return len(messages)
