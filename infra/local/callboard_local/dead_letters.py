"""Bringing dead letters back to their queue."""

from collections.abc import Mapping

from callboard_local import ministack
from callboard_local.errors import StackError

SUFFIX = "-dead-letters"
MAX_BATCH = 10


def redrive(endpoint: str, queues: Mapping[str, str], queue: str) -> int:
    """Move all messages of a queue's dead-letter queue back to it; return how many.

    A message is deleted from the one after it is sent to the other: an interruption may repeat it, never lose it.

    Raises:
        StackError: There is no such queue.
    """
    target, source = queues.get(queue), queues.get(queue + SUFFIX)
    if target is None or source is None:
        known = ", ".join(name for name in queues if name + SUFFIX in queues)
        raise StackError(f"There is no queue {queue} with dead letters; there are {known}.")
    sqs = ministack.client("sqs", endpoint)
    moved = 0
    while messages := sqs.receive_message(
        QueueUrl=source, MaxNumberOfMessages=MAX_BATCH, MessageAttributeNames=["All"]
    ).get("Messages"):
        for message in messages:
            sqs.send_message(
                QueueUrl=target,
                MessageBody=message["Body"],
                MessageAttributes=message.get("MessageAttributes", {}),
            )
            sqs.delete_message(QueueUrl=source, ReceiptHandle=message["ReceiptHandle"])
            moved += 1
    return moved
