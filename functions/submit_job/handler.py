"""Claims waiting jobs and hands them to their cloud services."""

from typing import Any
from uuid import UUID

from aws_lambda_powertools.utilities.typing import LambdaContext

from callboard.database import session
from callboard.jobs.submission import submit_waiting
from callboard.observability import logger
from callboard.queues import WorkMessage, receive


class WakeUp(WorkMessage):
    """Says that a job may be waiting: that job was accepted, or a place was freed."""

    job_id: UUID | None = None


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Submit waiting jobs, whichever are next; the messages only say that some may be there.

    Trigger: JobsQueue. Effect: jobs become processing, attempts are handed to services and checks are scheduled; jobs
    that a service refuses fail or go back to the queue. A raise brings the batch back after its visibility time; what
    was claimed by then is found by sweep_jobs and never submitted blindly again.
    """
    batch = receive(event, WakeUp)
    with session() as db:
        submitted = submit_waiting(db, [message.job_id for message in batch.messages if message.job_id])
    logger.info("submitted", action="jobs_submitted", jobs=submitted, wake_ups=len(batch.messages))
    return batch.answer()
