"""Brings events to those who follow."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ValidationError

from callboard.connections import service
from callboard.events.models import Event
from callboard.observability import correlated, logger


class Envelope(BaseModel):
    """What EventBridge puts around an event."""

    detail: Event


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Post each event to the connections that follow its card or project.

    Trigger: NotifyQueue, from EventBridge. Effect: messages are posted, connections that are gone are forgotten.
    Records that cannot be read or were not delivered to all come back alone, so that the others are not posted again;
    after five times they end in the dead-letter queue. A raise brings the whole batch back.
    """
    failures: list[dict[str, str]] = []
    read: list[tuple[str, Event]] = []
    for record in event["Records"]:
        try:
            read.append((record["messageId"], Envelope.model_validate_json(record["body"]).detail))
        except ValidationError:
            logger.error("unreadable event", action="event_unreadable", message_id=record["messageId"])
            failures.append({"itemIdentifier": record["messageId"]})
    outcomes = service.deliver([detail for _, detail in read])
    for (message_id, detail), outcome in zip(read, outcomes, strict=True):
        with correlated(detail.correlation_id):
            logger.info("notified", action="event_delivered", event_id=str(detail.event_id), counts=dict(outcome))
        if outcome["failed"]:
            failures.append({"itemIdentifier": message_id})
    return {"batchItemFailures": failures}
