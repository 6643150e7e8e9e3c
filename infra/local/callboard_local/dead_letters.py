"""Bringing dead letters back to their queue."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from callboard_local import ministack
from callboard_local.errors import StackError
from callboard_local.queues import DEAD_LETTERS

MAX_BATCH = 10


def redrive(endpoint: str, queues: Mapping[str, str], queue: str) -> int:
    """Move all messages of a queue's dead-letter queue back to it; return how many.

    A message is deleted from the one after it is sent to the other: an interruption may repeat it, never lose it.

    Raises:
        StackError: There is no such queue.
    """
    target, source = queues.get(queue), queues.get(queue + DEAD_LETTERS)
    if target is None or source is None:
        known = ", ".join(name for name in queues if name + DEAD_LETTERS in queues)
        raise StackError(f"There is no queue {queue} with dead letters; there are {known}.")
    sqs = ministack.client("sqs", endpoint)
    moved = 0
    while messages := sqs.receive_message(
        QueueUrl=source,
        MaxNumberOfMessages=MAX_BATCH,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["MessageGroupId"],
    ).get("Messages"):
        for message in messages:
            sqs.send_message(
                QueueUrl=target,
                MessageBody=message["Body"],
                MessageAttributes=message.get("MessageAttributes", {}),
                **_order(message),
            )
            sqs.delete_message(QueueUrl=source, ReceiptHandle=message["ReceiptHandle"])
            moved += 1
    return moved


def _order(message: dict[str, Any]) -> dict[str, str]:
    """Return what a FIFO queue asks of a message: the group that it had, and an id of its own."""
    group = message.get("Attributes", {}).get("MessageGroupId")
    return {"MessageGroupId": group, "MessageDeduplicationId": str(uuid4())} if group else {}
