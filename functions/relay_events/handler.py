"""Publishes events whose first publish did not happen."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from callboard.database import session
from callboard.events.service import relay
from callboard.observability import logger


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Publish stragglers of the event log.

    Trigger: a schedule, every minute. Effect: events reach the bus, perhaps for the second time. A raise is tried again
    by the scheduler; what was not marked as published is found a minute later.
    """
    with session() as db:
        published = relay(db)
    logger.info("relayed", action="events_relayed", events=published)
    return {"published": published}
