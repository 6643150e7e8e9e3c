"""Publishing to EventBridge."""

from collections.abc import Sequence
from itertools import batched
from typing import TYPE_CHECKING
from uuid import UUID

from callboard import aws
from callboard.events.models import SOURCE, Event
from callboard.observability import logger

if TYPE_CHECKING:
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

# PutEvents takes at most ten entries and one megabyte; ours are bounded well below a tenth of it each.
MAX_BATCH = 10
TRIES = 3


def publish(bus_name: str, events: Sequence[Event]) -> list[UUID]:
    """Publish events, ten a call, and try again what the bus did not take.

    Returns the ids of those that it took. The rest stay unpublished in the log, where the relay finds them: that is
    why nothing is raised here, after the state change is committed.
    """
    taken: list[UUID] = []
    for batch in batched(events, MAX_BATCH, strict=False):
        waiting = list(batch)
        for _ in range(TRIES):
            entries: list[PutEventsRequestEntryTypeDef] = [
                {
                    "Source": SOURCE,
                    "DetailType": event.topic,
                    "Detail": event.model_dump_json(),
                    "EventBusName": bus_name,
                    "Time": event.timestamp,
                }
                for event in waiting
            ]
            try:
                answer = aws.eventbridge().put_events(Entries=entries)
            except aws.failures():
                logger.exception("the bus does not answer", action="publish_failed", events=len(waiting))
                break
            refused = [event for event, entry in zip(waiting, answer["Entries"], strict=True) if "ErrorCode" in entry]
            taken += [event.event_id for event in waiting if event not in refused]
            waiting = refused
            if not waiting:
                break
        if waiting:
            logger.error("events left for the relay", action="publish_incomplete", events=len(waiting))
    return taken
