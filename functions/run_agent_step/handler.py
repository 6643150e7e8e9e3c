"""Takes the steps of agents."""

from typing import Any
from uuid import UUID

from aws_lambda_powertools.utilities.typing import LambdaContext

from callboard.database import session
from callboard.queues import WorkMessage, receive


class StepMessage(WorkMessage):
    """Says that a thread may have a step to take, or old checkpoints to forget."""

    thread: UUID
    prune: bool = False


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take the next step of an agent: from its last checkpoint until it sleeps, asks, ends, or time is up.

    Trigger: AgentQueue, one message at a time, a thread's one after another. Effect: what the agent's tools do, its
    checkpoints, and the run's state; another step is asked for when one is to follow. A raise brings the message back
    after its visibility time, and the step is repeated from its last checkpoint; after five times the run ends with an
    error.
    """
    # LangGraph takes as long to load as all else together; whoever only looks at the handler does not need it.
    from callboard.agents import steps  # noqa: PLC0415

    batch = receive(event, StepMessage)
    for message in batch.messages:
        with session() as db:
            if message.prune:
                steps.prune(db, message.thread)
            else:
                steps.take_step(db, message.thread, context.get_remaining_time_in_millis() / 1000)
    return batch.answer()
