"""Asks cloud services how attempts fare and ends their jobs."""

from typing import Any
from uuid import UUID

from aws_lambda_powertools.utilities.typing import LambdaContext

from callboard.database import session
from callboard.jobs.checks import check_attempts
from callboard.jobs.repository import CheckTicket
from callboard.observability import logger
from callboard.queues import WorkMessage, receive


class CheckRequest(WorkMessage):
    """Names an attempt and the check that is due; without a number: now."""

    job_id: UUID
    attempt: int
    seq: int | None = None


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Check attempts; messages that no longer count are dropped.

    Trigger: ChecksQueue. Effect: outputs are stored, jobs end or go on, the next checks are scheduled, freed places
    wake submit_job. A raise brings the batch back; checks that were claimed by then are sent again by sweep_jobs.
    """
    batch = receive(event, CheckRequest)
    tickets = [CheckTicket(message.job_id, message.attempt, message.seq) for message in batch.messages]
    checked = 0
    if tickets:
        with session() as db:
            checked = check_attempts(db, tickets)
    logger.info("checked", action="jobs_checked", attempts=checked, stale=len(tickets) - checked)
    return batch.answer()
