"""Does every minute what must not depend on any message."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from callboard.agents import waking
from callboard.database import session
from callboard.jobs.sweep import sweep
from callboard.observability import logger


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Fail what is past its deadline, settle lost submissions, wake agents, replace lost messages, forget what is old.

    Trigger: a schedule, every minute. Effect: as counted in the result. A raise is tried again by the scheduler;
    each part is idempotent, and what was not reached is done a minute later.
    """
    with session() as db:
        done = sweep(db) | waking.sweep(db)
    logger.info("swept", action="jobs_swept", done=done)
    return done
