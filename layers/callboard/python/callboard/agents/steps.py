"""One durable step of an agent: load, go on until the graph sleeps, asks, ends or time is up, store, hand on."""

import time
from typing import Any, ClassVar, Literal
from uuid import UUID

from langchain_core.language_models import BaseChatModel
from langgraph.errors import EmptyInputError, GraphDrained
from langgraph.runtime import RunControl
from langgraph.types import Command, Interrupt

from callboard import database, metrics
from callboard.agents import assistants, checkpoints, repository, waking
from callboard.agents.assistants import BuiltIn
from callboard.agents.errors import (
    NothingToGoOnError,
    RunFailedError,
    StepFailedError,
    StepSupersededError,
    ThreadNotInterruptedError,
)
from callboard.agents.graph import Graph, build_graph
from callboard.agents.memories import LOOKS, MEMORIES
from callboard.agents.model import chat_model
from callboard.agents.nodes import StepContext
from callboard.agents.repository import Step, WaitSpec
from callboard.agents.snapshots import interrupts_by_task
from callboard.crash import crash_point
from callboard.database import Database
from callboard.errors import ServiceError
from callboard.events import service as events
from callboard.identity import Caller
from callboard.observability import correlated, logger
from callboard.projects.errors import ProjectNotFoundError
from callboard.settings import get_settings

# As long as the function may run: past it, whoever had the step is dead.
STEP_SECONDS = 125.0
# The queue gives a message up after five times: the last one ends the run.
MAX_ATTEMPTS = 4

type Outcome = Literal["nothing", "handed_on", "sleeping", "asking", "success", "error", "superseded"]


def take_step(db: Database, thread: UUID, seconds_left: float) -> Outcome:
    """Take the next step of a thread, if there is one to take; say how it ended.

    A crash at any point repeats at most this step, from its last checkpoint. Two at once for one thread cannot harm:
    whoever came first can change nothing any more.

    Args:
        db: A connection outside of any transaction.
        thread: The thread's internal id.
        seconds_left: How long the invocation may still run.

    Raises:
        ServiceUnavailableError: Something the step needs does not answer; the step is to be repeated.
    """
    # In one round trip: what holds the thread has no answer that the claim would wait for.
    with db.pipeline(), db.transaction():
        repository.hold_thread(db, thread)
        step = repository.claim_step(db, thread, STEP_SECONDS)
    if step is None:
        return "nothing"
    with correlated(step.correlation_id):
        crash_point("run_agent_step.after_claim")
        events.publish(db, step.events, origin="run_agent_step")
        outcome = _carry_on(db, step, seconds_left)
        logger.info(
            "step taken",
            action="agent_step",
            outcome=outcome,
            run_id=str(step.run_id),
            thread_id=str(step.thread_id),
            step=step.step,
            attempt=step.attempts,
        )
        return outcome


def prune(db: Database, thread: UUID) -> None:
    """Forget all checkpoints of a thread at rest but the last; of one made for a single run, the thread itself too."""
    saver = checkpoints.saver(db)
    with db.transaction():
        repository.hold_thread(db, thread)
        deleted = repository.delete_ephemeral(db, thread)
        if deleted:
            saver.delete_thread(str(thread))
    if deleted:
        return
    # It takes no step meanwhile: steps and this take turns in the queue. The library has a transaction of its own.
    if repository.is_at_rest(db, thread):
        saver.prune([str(thread)], strategy="keep_latest")
        repository.mark_pruned(db, thread)


def _carry_on(db: Database, step: Step, seconds_left: float) -> Outcome:
    if step.attempts > MAX_ATTEMPTS:
        return _end(db, step, None, StepFailedError(details={"attempts": step.attempts - 1}))
    if step.project_id is None:
        return _end(db, step, None, ProjectNotFoundError())
    control = RunControl()
    context: StepContext | None = None
    try:
        assistant = assistants.find(step.assistant_id)
        saver, graph = _prepared(db, assistant)
        context = StepContext(
            db=db,
            lock=saver.lock,
            control=control,
            caller=_caller_of(step, assistant),
            tenant=step.tenant,
            thread_id=step.thread_id,
            project_id=step.project_id,
            run_id=step.run_id,
            step=step.step,
            ends_at=time.monotonic() + seconds_left,
            super_steps=get_settings().agent_super_steps,
        )
        saver.fence = (step.run_id, step.step)
        config = checkpoints.config_of(step.thread, step.run_id) | {"recursion_limit": 10_000}
        values: dict[str, Any] = graph.invoke(
            _input_of(step, saver), config, context=context, control=control, durability="sync"
        )
        return _settle(db, step, context, graph, values)
    except GraphDrained:
        return _hand_on(db, step, context)
    except StepSupersededError:
        return "superseded"
    except EmptyInputError:
        return _end(db, step, context, NothingToGoOnError())
    except ServiceError as error:
        if error.retryable:
            raise
        return _end(db, step, context, error)
    except database.CONNECTION_ERRORS:
        raise
    except Exception:  # noqa: BLE001  # whatever it is, a person waits for the run's end; why is in the log
        logger.exception("step failed", action="agent_step_failed")
        return _end(db, step, context, RunFailedError())


class _Environment:
    """What an execution environment keeps between steps: the graph of each assistant, for its model and connection."""

    prepared: ClassVar[dict[str, tuple[BaseChatModel, Database, checkpoints.Saver, Graph]]] = {}


def _prepared(db: Database, assistant: BuiltIn) -> tuple[checkpoints.Saver, Graph]:
    """Return the assistant's graph on this connection, with its checkpointer; to build it costs much of a step."""
    model = chat_model()
    kept = _Environment.prepared.get(assistant.name)
    if kept is None or kept[0] is not model or kept[1] is not db:
        saver = checkpoints.saver(db)
        graph = build_graph(
            model,
            assistant.tools,
            saver,
            prompt=assistant.prompt,
            remember=MEMORIES[assistant.name],
            look=LOOKS.get(assistant.name),
        )
        kept = _Environment.prepared[assistant.name] = (model, db, saver, graph)
    return kept[2], kept[3]


def _caller_of(step: Step, assistant: BuiltIn) -> Caller:
    return Caller(tenant=step.tenant, user_id=step.created_by, user_name=f"{assistant.name} agent of {step.user_name}")


def _input_of(step: Step, saver: checkpoints.Saver) -> Any:
    """Return what the graph goes on with.

    Who resumes an interrupt that was resumed before goes on from the checkpoint behind it: the library passes over
    answers to what is no longer asked.

    Raises:
        ThreadNotInterruptedError: The run answers what the thread has moved on from.
    """
    if step.interrupt_id is not None:
        return Command(resume={step.interrupt_id: {"woken_by": step.woken_by, "jobs": step.jobs}})
    if step.begun:
        return None
    if step.command is None and step.attempts == 1:
        return step.input
    stored = saver.get_tuple(checkpoints.config_of(step.thread))
    if stored is not None and stored.metadata.get("run_id") == str(step.run_id):
        return None
    if step.command is None:
        return step.input
    answers = step.command["resume"]
    if stored is None or answers.keys().isdisjoint(checkpoints.interrupts_in(stored)):
        raise ThreadNotInterruptedError
    return Command(resume=answers)


def _settle(db: Database, step: Step, context: StepContext, graph: Graph, values: dict[str, Any]) -> Outcome:
    interrupts: list[Interrupt] = values.get("__interrupt__", [])
    if not interrupts:
        return _end(db, step, context, None)
    value = interrupts[0].value
    if value["type"] == "jobs":
        wait = WaitSpec(
            interrupt_id=interrupts[0].id,
            job_ids=[UUID(job_id) for job_id in value["job_ids"]],
            mode=value["mode"],
            needed=value["needed"],
            deadline_at=value["deadline_at"],
        )
        return _sleep(db, step, context, wait)
    asked = interrupts_by_task(graph.get_state(checkpoints.config_of(step.thread)))
    return _end(db, step, context, None, asked=asked)


def _hand_on(db: Database, step: Step, context: StepContext | None) -> Outcome:
    if not repository.hand_on(db, step.run_id, step.step, context.usage if context else None, waking.OVERDUE_SECONDS):
        return "superseded"
    crash_point("run_agent_step.before_send")
    waking.send_steps([(step.thread, step.correlation_id)])
    crash_point("run_agent_step.after_send")
    return "handed_on"


def _sleep(db: Database, step: Step, context: StepContext, wait: WaitSpec) -> Outcome:
    with db.pipeline(), db.transaction():
        repository.hold_thread(db, step.thread)
        slept = repository.sleep(db, step.run_id, step.step, context.usage, wait)
    if slept is None:
        return "superseded"
    crash_point("run_agent_step.after_sleep")
    events.publish(db, slept, origin="run_agent_step.sleep")
    # Jobs may have ended before the set was stored: then no event of theirs has found it.
    woken = repository.wake_run(db, step.run_id, waking.OVERDUE_SECONDS)
    crash_point("run_agent_step.after_wake")
    waking.follow_up(db, woken, origin="run_agent_step.wake")
    return "sleeping"


def _end(
    db: Database,
    step: Step,
    context: StepContext | None,
    error: ServiceError | None,
    asked: dict[str, Any] | None = None,
) -> Outcome:
    with db.pipeline(), db.transaction():
        repository.hold_thread(db, step.thread)
        ended = repository.finish(
            db,
            step.run_id,
            step.step,
            status="error" if error else "interrupted" if asked else "success",
            usage=context.usage if context else None,
            error_code=error.code if error else None,
            error_message=error.message if error else None,
            asked=asked,
        )
    if ended is None:
        return "superseded"
    crash_point("run_agent_step.after_finish")
    if context is not None and context.usage is not None:
        usage = context.usage
        metrics.emit(
            {
                "ModelCalls": usage["calls"],
                "InputTokens": usage["input_tokens"],
                "OutputTokens": usage["output_tokens"],
            }
        )
    if ended.followed:
        waking.send_steps([(step.thread, step.correlation_id)])
    events.publish(db, ended.events, origin="run_agent_step.end")
    return "error" if error else "asking" if asked else "success"
