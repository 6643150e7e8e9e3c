"""The nodes of the graph: each reads the state and what the step brings along, and returns what it changed.

A step that dies is repeated from its last checkpoint, so a node may run twice. What it asks of the board it asks
through `toolbox`, which does each call once.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Lock
from typing import Any, Literal
from uuid import UUID

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolCall, ToolMessage
from langchain_core.runnables import Runnable
from langgraph.runtime import RunControl, Runtime
from langgraph.types import Overwrite, interrupt

from callboard.agents import model as models
from callboard.agents import repository, toolbox
from callboard.agents.control import (
    RECOMMEND_CANDIDATE,
    REQUEST_APPROVAL,
    WAIT_FOR_JOBS,
    ApprovalAnswer,
    RecommendCandidate,
    RequestApproval,
    WaitForJobs,
)
from callboard.agents.errors import InvalidWaitError, ModelMisbehavedError, TurnLimitError, TurnRefusedError
from callboard.agents.models import AwaitedJob
from callboard.agents.repository import CallKey
from callboard.agents.sizes import MAX_CONTENT, bounded, room_of_call, shortened, size_of, text_of
from callboard.agents.state import EARLIER_BRIEFS, Asking, Earlier, State, Usage, Waiting
from callboard.crash import crash_point
from callboard.database import Database
from callboard.errors import ServiceError
from callboard.identity import Caller

# What asking the model once may take, and what goes before it, pictures too: a step that has less left hands on.
RESERVED_SECONDS = models.ANSWER_SECONDS + 10.0
MAX_TURNS = 40
MAX_MISTAKES = 3
MAX_EARLIER_CHARACTERS = 1000


@dataclass
class StepContext:
    """What a step brings along; it is not stored.

    `lock` is the checkpointer's: it writes on the same connection from a thread of its own, so whoever uses that holds
    it. `ends_at` (monotonic) is when the step is gone, `super_steps` is how many it may do. `usage` is what the run
    has cost, once the step has asked the model.
    """

    db: Database
    lock: Lock
    control: RunControl
    caller: Caller
    tenant: str
    thread_id: UUID
    project_id: UUID
    run_id: UUID
    step: int
    ends_at: float
    super_steps: int
    usage: Usage | None = None


type Recall = Callable[[StepContext, State], AnyMessage]
# What the model is shown with the first message, as content blocks: too large to be kept in the state.
type Look = Callable[[StepContext, State], list[dict[str, Any]]]
type Change = dict[str, Any]


def pacing(node: Callable[..., Change]) -> Callable[..., Change]:
    """Make a node end its step once time or super-steps are used up: the next one goes on after the checkpoint."""

    def paced(state: State, runtime: Runtime[StepContext]) -> Change:
        context = runtime.context
        changed = node(state, context)
        context.super_steps -= 1
        if context.super_steps <= 0 or time.monotonic() >= context.ends_at - RESERVED_SECONDS:
            context.control.request_drain("hand on")
        return changed

    return paced


def recall(state: State, context: StepContext, *, remember: Recall) -> Change:
    """Begin anew from the brief and from what the project's memory holds."""
    return {
        "messages": Overwrite([remember(context, state)]),
        "turn": 0,
        "mistakes": 0,
        "jobs": [],
        "waiting": None,
        "asking": None,
        "recommendation": None,
        "answer": None,
    }


def think(
    state: State, context: StepContext, *, model: Runnable[Any, AIMessage], prompt: str, look: Look | None
) -> Change:
    """Ask the model what to do next. Its answer is stored before anything is done."""
    turn = state["turn"] + 1
    if turn > MAX_TURNS:
        raise TurnLimitError(details={"turns": MAX_TURNS})
    messages = shortened(state["messages"])
    first, *others = messages
    if look is not None:
        first = HumanMessage([{"type": "text", "text": first.text}, *look(context, state)])
    crash_point("run_agent_step.before_model")
    answer, tokens_in, tokens_out = models.ask(model, [SystemMessage(prompt), first, *others], context.ends_at)
    crash_point("run_agent_step.after_model")
    before = _usage_of_run(state, context)
    context.usage = Usage(
        run_id=before["run_id"],
        calls=before["calls"] + 1,
        input_tokens=before["input_tokens"] + tokens_in,
        output_tokens=before["output_tokens"] + tokens_out,
    )
    said: Any = [answer] if messages is state["messages"] else Overwrite([*messages, answer])
    return {"messages": said, "turn": turn, "thought_by": str(context.run_id), "usage": context.usage}


def _usage_of_run(state: State, context: StepContext) -> Usage:
    """Return what the run has cost so far: the state may still hold the count of the thread's run before it."""
    usage = state.get("usage")
    if usage and usage["run_id"] == str(context.run_id):
        return usage
    return Usage(run_id=str(context.run_id), calls=0, input_tokens=0, output_tokens=0)


def route_thought(state: State) -> Literal["act", "finish"]:
    """Do what the model asked for, or end with its words."""
    return "act" if _calls(state) else "finish"


def act(state: State, context: StepContext, *, tools: Sequence[str]) -> Change:
    """Carry out the model's calls, one after another; none of them if one is not valid."""
    calls = _calls(state)
    problems = toolbox.problems(tools, calls)
    if problems:
        return _refuse(state, calls, problems)
    room = room_of_call(len(calls))
    changed: Change = {"messages": [], "mistakes": 0, "jobs": list(state["jobs"])}
    for index, call in enumerate(calls):
        if call["name"] in CONTROLS:
            changed |= CONTROLS[call["name"]](call, state, context, changed)
        else:
            # Another run may go on from here, and must find what this one's turn has done.
            key = CallKey(UUID(state["thought_by"]), state["turn"], index)
            done = toolbox.carry_out(context, key, call)
            changed["messages"].append(_answer(call, done.content, room))
            changed["jobs"] += [str(job_id) for job_id in done.job_ids]
    if changed["jobs"] == state["jobs"]:
        # What a node returns is stored anew.
        del changed["jobs"]
    return changed


def route_action(state: State) -> Literal["wait", "approve", "think", "finish"]:
    """Sleep for jobs, ask a person, end with a recommendation, or go on."""
    if state.get("waiting"):
        return "wait"
    if state.get("asking"):
        return "approve"
    return "finish" if state.get("recommendation") else "think"


def wait(state: State, context: StepContext) -> Change:
    """Sleep until the jobs have ended or the deadline passed: the step ends here, a later one brings the outcome."""
    waiting = state["waiting"]
    assert waiting is not None  # the route leads here with one only
    request = {name: value for name, value in waiting.items() if name != "call_id"}
    woken: dict[str, Any] = interrupt({"type": "jobs", **request})
    jobs = [AwaitedJob.model_validate(job) for job in woken["jobs"]]
    live = {str(job.job_id) for job in jobs if not job.has_ended}
    outcome = _outcome(woken["woken_by"], jobs)
    awaited = set(waiting["job_ids"])
    return {
        "messages": [ToolMessage(text_of(outcome), tool_call_id=waiting["call_id"], name=WAIT_FOR_JOBS)],
        "waiting": None,
        # Those that were deleted with their card are not among the outcome's.
        "jobs": [job_id for job_id in state["jobs"] if job_id not in awaited or job_id in live],
    }


def approve(state: State, context: StepContext) -> Change:
    """Ask a person, and sleep until the answer is there."""
    asking = state["asking"]
    assert asking is not None  # the route leads here with one only
    request = {name: value for name, value in asking.items() if name != "call_id"}
    answer = interrupt({"type": "approval", **request}, response_schema=ApprovalAnswer)
    content = answer.model_dump_json()
    return {
        "messages": [ToolMessage(content, tool_call_id=asking["call_id"], name=REQUEST_APPROVAL)],
        "asking": None,
    }


def finish(state: State, context: StepContext) -> Change:
    """End the work with the model's words, and keep them for the thread's next brief."""
    last = state["messages"][-1]
    recommendation = state.get("recommendation")
    answer = last.text if isinstance(last, AIMessage) else recommendation["reason"] if recommendation else ""
    earlier = Earlier(brief=state.get("brief", "")[:MAX_EARLIER_CHARACTERS], answer=answer[:MAX_EARLIER_CHARACTERS])
    return {"answer": answer, "earlier": [*state.get("earlier", []), earlier][-EARLIER_BRIEFS:]}


def _refuse(state: State, calls: Sequence[ToolCall], problems: dict[int, ServiceError]) -> Change:
    mistakes = state["mistakes"] + 1
    if mistakes >= MAX_MISTAKES:
        first = problems[min(problems)]
        raise ModelMisbehavedError(
            f"The model asked {mistakes} times in a row for what cannot be done; last: {first.message}",
            details={"code": first.code},
        )
    refused, room = TurnRefusedError(), room_of_call(len(calls))
    return {
        "messages": [_answer(call, error_content(problems.get(n, refused)), room) for n, call in enumerate(calls)],
        "mistakes": mistakes,
    }


def _wait_for_jobs(call: ToolCall, state: State, context: StepContext, changed: Change) -> Change:
    request = WaitForJobs.model_validate(call["args"])
    wanted = [str(job_id) for job_id in request.job_ids] if request.job_ids else changed["jobs"]
    job_ids = list(dict.fromkeys(wanted))
    jobs = _jobs(context, job_ids)
    if not request.job_ids:
        # Jobs of this work that were deleted with their card meanwhile.
        job_ids = [str(job.job_id) for job in jobs]
    needed = {"all": len(job_ids), "any": 1, "quorum": request.quorum or 0}[request.mode]
    problem = None
    if len(jobs) < len(job_ids):
        known = {str(job.job_id) for job in jobs}
        problem = InvalidWaitError(
            "Some of these jobs do not exist.", details={"job_ids": [one for one in job_ids if one not in known]}
        )
    elif needed > len(job_ids):
        problem = InvalidWaitError(f"A quorum of {needed} cannot come from {len(job_ids)} jobs.")
    ended = sum(job.has_ended for job in jobs)
    if problem is not None or ended >= needed:
        # Nothing to sleep for: the answer is there at once.
        content = error_content(problem) if problem else _outcome("jobs", jobs)
        gone = {str(job.job_id) for job in jobs if job.has_ended}
        known = {str(job.job_id) for job in jobs}
        asked = set(wanted)
        left = [job_id for job_id in changed["jobs"] if job_id not in gone and (job_id in known or job_id not in asked)]
        return {"messages": [*changed["messages"], _answer(call, content)], "jobs": left}
    deadline = datetime.now(UTC) + timedelta(seconds=request.deadline_seconds)
    waiting = Waiting(
        call_id=call["id"] or "",
        job_ids=job_ids,
        mode=request.mode,
        needed=needed,
        deadline_at=deadline.isoformat(timespec="seconds"),
    )
    return {"waiting": waiting}


def _request_approval(call: ToolCall, state: State, context: StepContext, changed: Change) -> Change:
    request = RequestApproval.model_validate(call["args"])
    choices = [str(job_id) for job_id in request.choices]
    completed = {str(job.job_id) for job in _jobs(context, choices) if job.status == "completed"}
    wrong = [job_id for job_id in choices if job_id not in completed]
    if wrong:
        error = InvalidWaitError("Choices must be completed jobs.", details={"job_ids": wrong})
        return {"messages": [*changed["messages"], _answer(call, error_content(error))]}
    card_id = str(request.card_id) if request.card_id else None
    return {"asking": Asking(call_id=call["id"] or "", question=request.question, card_id=card_id, choices=choices)}


def _recommend_candidate(call: ToolCall, state: State, context: StepContext, changed: Change) -> Change:
    request = RecommendCandidate.model_validate(call["args"])
    found = [job for job in _jobs(context, [str(request.job_id)]) if str(job.card_id) == state.get("card_id")]
    if not found or found[0].status != "completed":
        error = InvalidWaitError("This is no candidate of the card.", details={"job_id": str(request.job_id)})
        return {"messages": [*changed["messages"], _answer(call, error_content(error))]}
    recommendation = {"card_id": state["card_id"], "job_id": str(request.job_id), "reason": request.reason}
    return {
        "messages": [*changed["messages"], _answer(call, {"recommended": str(request.job_id)})],
        "recommendation": recommendation,
    }


CONTROLS: dict[str, Callable[[ToolCall, State, StepContext, Change], Change]] = {
    WAIT_FOR_JOBS: _wait_for_jobs,
    REQUEST_APPROVAL: _request_approval,
    RECOMMEND_CANDIDATE: _recommend_candidate,
}


def _jobs(context: StepContext, job_ids: Sequence[str]) -> list[AwaitedJob]:
    if not job_ids:
        return []
    with context.lock:
        return repository.jobs(context.db, context.tenant, [UUID(job_id) for job_id in job_ids])


def _calls(state: State) -> list[ToolCall]:
    last = state["messages"][-1]
    return last.tool_calls if isinstance(last, AIMessage) else []


def _outcome(woken_by: str, jobs: Sequence[AwaitedJob]) -> dict[str, Any]:
    """Return what a model reads of jobs it slept for: of very many, how many have which status, and the failures."""
    told = [job.model_dump(mode="json") for job in jobs]
    outcome = {"woken_by": woken_by, "jobs": told}
    if size_of(outcome) <= MAX_CONTENT:
        return outcome
    failed = [job for job in told if job["status"] == "failed"]
    counts = {"woken_by": woken_by, "statuses": Counter(job.status for job in jobs), "failed": failed}
    return bounded(counts, MAX_CONTENT)


def _answer(call: ToolCall, content: dict[str, Any], room: int = MAX_CONTENT) -> ToolMessage:
    status: Literal["error", "success"] = "error" if "error" in content else "success"
    return ToolMessage(text_of(bounded(content, room)), tool_call_id=call["id"], name=call["name"], status=status)


def error_content(error: ServiceError) -> dict[str, Any]:
    """Return what the model reads of an error: the same as any other caller."""
    return {"error": error.as_dict()}


def bound(node: Callable[..., Change], **given: Any) -> Callable[..., Change]:
    """Return a node of the graph: paced, with what it needs beside state and step."""
    return pacing(partial(node, **given))
