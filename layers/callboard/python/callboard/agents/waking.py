"""Waking agents: for jobs that have ended, deadlines that passed, and steps that were lost."""

from collections.abc import Sequence
from itertools import batched
from uuid import UUID

from callboard import metrics, queues
from callboard.agents import repository
from callboard.agents.repository import Woken
from callboard.crash import crash_point
from callboard.database import Database
from callboard.errors import ServiceUnavailableError
from callboard.events import service as events
from callboard.observability import logger
from callboard.queues import Message
from callboard.settings import get_settings

BATCH = 200
# Past this time, a thread whose next step was asked for and did not come is asked for again.
OVERDUE_SECONDS = 60.0
# A thread that was made for one run is kept for whoever still reads its end.
EPHEMERAL_SECONDS = 600.0


def send_steps(threads: Sequence[tuple[UUID, str]]) -> None:
    """Ask for the next step of threads, each with its correlation id.

    A message that is lost costs time, not the step: the sweep asks again.
    """
    _send([_step_of(thread, correlation) for thread, correlation in threads])


def _send(messages: Sequence[Message]) -> None:
    try:
        queues.send(get_settings().agent_queue_url, messages)
    except ServiceUnavailableError:
        logger.exception("message lost", action="agent_message_lost", messages=len(messages))


def _step_of(thread: UUID, correlation_id: str) -> Message:
    # The steps of a thread come one after another, those of other threads beside them.
    return Message({"thread": str(thread), "correlation_id": correlation_id}, group=str(thread))


def wake_for_jobs(db: Database, job_ids: Sequence[UUID]) -> int:
    """Wake the runs that slept for these jobs and whose sets are complete, each once; return how many.

    Every set is judged by the jobs' rows: an event that is repeated, late, early or out of order changes nothing.
    """
    woken = 0
    for batch in batched(job_ids, BATCH, strict=False):
        found = repository.wake_for_jobs(db, batch, OVERDUE_SECONDS, BATCH)
        for _, correlation_id in found.threads:
            crash_point("wake_agent.after_wake", correlation_id)
        woken += follow_up(db, found, origin="wake_agent")
    return woken


def follow_up(db: Database, woken: Woken, *, origin: str) -> int:
    """Ask for the steps of woken runs and publish that they go on; return how many there are.

    Args:
        db: A connection outside of any transaction.
        woken: What a statement of the repository woke.
        origin: The function's name, for its crash points.
    """
    if woken.threads:
        send_steps(woken.threads)
        metrics.emit({"AgentWakeUps": len(woken.threads)})
    events.publish(db, woken.events, origin=origin)
    return len(woken.threads)


def sweep(db: Database) -> dict[str, int]:
    """Do for agents what must not depend on any message; return how much of each. Each part is idempotent."""
    woken = repository.wake_due(db, OVERDUE_SECONDS, BATCH)
    follow_up(db, woken, origin="sweep_jobs")
    overdue = repository.take_overdue(db, OVERDUE_SECONDS, BATCH)
    if overdue:
        send_steps(overdue)
    settings = get_settings()
    idle = repository.take_prunable(db, settings.checkpoint_retention_hours, EPHEMERAL_SECONDS, BATCH)
    if idle:
        # Only the function that runs steps has the library that knows the checkpoints.
        _send([Message({"thread": str(thread), "prune": True}, group=str(thread)) for thread in idle])
    return {"agents_woken": len(woken.threads), "steps_overdue": len(overdue), "threads_to_prune": len(idle)}
