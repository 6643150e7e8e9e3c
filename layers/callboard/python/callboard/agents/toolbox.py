"""Carrying out the model's calls of tools: checked before anything happens, each done once, whatever is repeated."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from langchain_core.messages import ToolCall
from pydantic import ValidationError

from callboard.agents import repository
from callboard.agents.control import CONTROL_TOOLS
from callboard.agents.errors import StepSupersededError
from callboard.agents.repository import CallKey
from callboard.crash import crash_point
from callboard.errors import InvalidInputError, ServiceError
from callboard.mcp import registry
from callboard.mcp.errors import InvalidToolArgumentsError, UnknownToolError
from callboard.mcp.registry import ToolContext
from callboard.observability import logger

if TYPE_CHECKING:
    from callboard.agents.nodes import StepContext

MAX_CALLS = 256
# Of a schema, what its tool's name and description say.
SPOKEN_FOR = frozenset({"title", "description"})
WRITTEN = frozenset({"params"})
NOT_KEPT = frozenset({"url", "url_expires_at", "result_url", "result_url_expires_at"})


class ControlNotLastError(InvalidInputError):
    """Waiting, asking and recommending end a turn: one of them at most, as the last call."""

    code = "CONTROL_NOT_LAST"


class TooManyCallsError(InvalidInputError):
    """There are too many calls in one turn."""

    code = "TOO_MANY_CALLS"


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a call: what the model reads, and the jobs that it started."""

    content: dict[str, Any]
    job_ids: Sequence[UUID] = ()


def specifications(names: Sequence[str]) -> list[dict[str, Any]]:
    """Describe tools to the model, in this order."""
    return [_specification(name) for name in names]


def _specification(name: str) -> dict[str, Any]:
    control = CONTROL_TOOLS.get(name)
    if control is not None:
        description = inspect.cleandoc(control.__doc__ or "")
        schema = {name: value for name, value in control.model_json_schema().items() if name not in SPOKEN_FOR}
    else:
        tool = registry.find_tool(name)
        description, schema = tool.description, tool.input_schema()
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


def for_model(content: Any) -> Any:
    """Return what a model needs of a content, which is then kept: no URLs, which end soon, and no empty fields.

    What people and models wrote themselves stays as it is.
    """
    if isinstance(content, dict):
        return {
            name: value if name in WRITTEN else for_model(value)
            for name, value in content.items()
            if name not in NOT_KEPT and value is not None
        }
    if isinstance(content, list):
        return [for_model(value) for value in content]
    return content


def problems(offered: Sequence[str], calls: Sequence[ToolCall]) -> dict[int, ServiceError]:
    """Return what is wrong with the calls of one turn, by their numbers; nothing if all can be carried out."""
    found: dict[int, ServiceError] = {}
    for index, call in enumerate(calls):
        problem = _problem(offered, call)
        if problem is None and index >= MAX_CALLS:
            problem = TooManyCallsError(details={"limit": MAX_CALLS})
        if problem is None and call["name"] in CONTROL_TOOLS and index < len(calls) - 1:
            problem = ControlNotLastError(details={"tool": call["name"]})
        if problem is not None:
            found[index] = problem
    return found


def _problem(offered: Sequence[str], call: ToolCall) -> ServiceError | None:
    name = call["name"]
    if name not in offered:
        return UnknownToolError(details={"tool": name, "tools": list(offered)})
    control = CONTROL_TOOLS.get(name)
    try:
        if control is None:
            registry.validate(name, call["args"])
        else:
            control.model_validate(call["args"])
    except ValidationError as error:
        return InvalidToolArgumentsError.of(name, error)
    except ServiceError as error:
        return error
    return None


def carry_out(context: "StepContext", key: CallKey, call: ToolCall) -> Done:
    """Carry out a call of the board's tools once: its key is stored in the transaction of its effect.

    A repeated step finds the first result; what only reads is read again. Errors of the domain are answers to the
    model; they leave nothing behind.

    Raises:
        StepSupersededError: The run was cancelled, or a later step has taken it over.
    """
    tool_context = ToolContext(caller=context.caller, thread_id=str(context.thread_id))
    crash_point("run_agent_step.before_tool")
    try:
        if registry.find_tool(call["name"]).read_only:
            with context.lock:
                read = registry.call(context.db, tool_context, call["name"], call["args"])
            return Done(for_model(read.content.model_dump(mode="json")))
        with context.lock, context.db.transaction():
            begun = repository.begin_tool_call(context.db, context.run_id, context.step, key)
            if begun is None:
                raise StepSupersededError
            if begun.result is not None:
                return Done(begun.result, begun.job_ids)
            result = registry.call(context.db, tool_context, call["name"], call["args"])
            content = for_model(result.content.model_dump(mode="json"))
            accepted = list(result.accepted_jobs)
            repository.record_tool_call(
                context.db, begun.thread, key, tool=call["name"], result=content, job_ids=accepted
            )
            crash_point("run_agent_step.in_tool")
    except StepSupersededError:
        raise
    except ServiceError as error:
        if error.retryable:
            raise
        logger.info("tool refused", action="tool_refused", tool=call["name"], error_code=error.code)
        return Done({"error": error.as_dict()})
    crash_point("run_agent_step.after_tool")
    with context.lock:
        registry.follow_up(context.db, result, origin="run_agent_step.tool")
    logger.info("tool called", action="tool_called", tool=call["name"], jobs=len(result.accepted_jobs))
    return Done(content, result.accepted_jobs)
