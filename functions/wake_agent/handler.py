"""Wakes agents whose jobs have ended."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from callboard.agents.waking import wake_for_jobs
from callboard.database import session
from callboard.events.models import JobStatusUpdated
from callboard.observability import logger
from callboard.queues import WorkMessage, receive


class EndedJob(WorkMessage):
    """What EventBridge puts around the event of a job that has ended."""

    detail: JobStatusUpdated


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Wake each agent that slept for these jobs, once, when its set of them is complete.

    Trigger: WakeQueue, from EventBridge. Effect: complete sets are marked as woken, and the next steps of their threads
    are asked for. A raise brings the batch back after its visibility time; sets that were woken stay so, and what was
    not sent is sent by sweep_jobs.
    """
    batch = receive(event, EndedJob)
    with session() as db:
        woken = wake_for_jobs(db, [message.detail.data.job_id for message in batch.messages])
    logger.info("agents woken", action="agents_woken", runs=woken, jobs=len(batch.messages))
    return batch.answer()
