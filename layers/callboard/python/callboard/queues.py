"""Sending to SQS. A message says "look at this": it carries ids, never state."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from callboard import aws
from callboard.errors import ServiceUnavailableError
from callboard.ids import new_id
from callboard.observability import logger

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

# SQS takes at most ten messages a call and delays a message by at most 15 minutes.
MAX_BATCH = 10
MAX_DELAY_SECONDS = 900


class QueueUnavailableError(ServiceUnavailableError):
    """A queue did not take a message."""

    code = "QUEUE_UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class Message:
    """One message: a JSON body, and how long the queue holds it back, in whole seconds.

    For a FIFO queue it names a group, whose messages come one after another; such a queue delays no single message.
    """

    body: dict[str, Any]
    delay_seconds: int = 0
    group: str | None = None


def send(queue_url: str, messages: Sequence[Message]) -> None:
    """Send messages, ten a call.

    Raises:
        QueueUnavailableError: The queue refused some; the others are sent, so a retry may send those twice.
    """
    refused = 0
    for batch in batched(messages, MAX_BATCH, strict=False):
        entries = [_entry(number, message) for number, message in enumerate(batch)]
        try:
            answer = aws.sqs().send_message_batch(QueueUrl=queue_url, Entries=entries)
        except aws.failures() as error:
            raise QueueUnavailableError from error
        refused += len(answer.get("Failed", ()))
    if refused:
        raise QueueUnavailableError(details={"refused": refused})


def _entry(number: int, message: Message) -> "SendMessageBatchRequestEntryTypeDef":
    entry: SendMessageBatchRequestEntryTypeDef = {"Id": str(number), "MessageBody": json.dumps(message.body)}
    if message.group is None:
        entry["DelaySeconds"] = min(message.delay_seconds, MAX_DELAY_SECONDS)
    else:
        # Each message is one of its own: that the same thing is asked for again must never be dropped.
        entry |= {"MessageGroupId": message.group, "MessageDeduplicationId": str(new_id())}
    return entry


class WorkMessage(BaseModel):
    """What every message may carry; others' fields are ignored, so that old and new code can share a queue."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class ReceivedBatch[Body: WorkMessage]:
    """The messages of one invocation: those that can be read, and the ids of those that cannot."""

    messages: list[Body]
    unreadable: list[str]

    def answer(self) -> dict[str, Any]:
        """Tell SQS which messages failed: they alone come back, and end in the dead-letter queue."""
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in self.unreadable]}


def receive[Body: WorkMessage](event: dict[str, Any], body: type[Body]) -> ReceivedBatch[Body]:
    """Read the messages of an SQS event; one that cannot be read harms no other."""
    messages: list[Body] = []
    unreadable: list[str] = []
    for record in event["Records"]:
        try:
            messages.append(body.model_validate_json(record["body"]))
        except ValidationError:
            logger.error("unreadable message", action="message_unreadable", message_id=record["messageId"])
            unreadable.append(record["messageId"])
    return ReceivedBatch(messages, unreadable)
