"""The registry of tools: what there is, checking a call, carrying it out, and what follows its commit."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ValidationError

from callboard.database import Database
from callboard.events import service as events
from callboard.events.models import EventRow
from callboard.identity import Caller
from callboard.jobs import service as jobs
from callboard.mcp.errors import InvalidToolArgumentsError, UnknownToolError
from callboard.mcp.models import TOOL_NAME
from callboard.queues import Message

NAME = re.compile(TOOL_NAME)


@dataclass(frozen=True, slots=True)
class ToolContext:
    """In whose name a tool works; jobs that it makes belong to the agent's thread."""

    caller: Caller
    thread_id: str | None = None


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool did, and what is to follow the commit: `follow_up` does it.

    `accepted_jobs` are to be woken, `checks` are messages for ChecksQueue.
    """

    content: BaseModel
    events: Sequence[EventRow] = ()
    accepted_jobs: Sequence[UUID] = ()
    checks: Sequence[Message] = ()


type Handler[Parameters: BaseModel] = Callable[[Database, ToolContext, Parameters], ToolResult]


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that a model can call.

    `read_only` changes nothing; `idempotent` says that the same call again changes nothing more.
    """

    name: str
    description: str
    parameters: type[BaseModel]
    result: type[BaseModel]
    handler: Handler[Any]
    read_only: bool
    idempotent: bool

    def input_schema(self) -> dict[str, Any]:
        """Return the JSON schema of the arguments."""
        return _schema(self.parameters.model_json_schema())

    def output_schema(self) -> dict[str, Any]:
        """Return the JSON schema of the content as it is sent."""
        return _schema(self.result.model_json_schema(mode="serialization"))


_tools: dict[str, Tool] = {}


def register_tool[Parameters: BaseModel](
    name: str,
    handler: Handler[Parameters],
    schema: type[Parameters],
    *,
    description: str,
    result: type[BaseModel],
    read_only: bool = False,
    idempotent: bool = False,
) -> Tool:
    """Add a tool to the registry.

    A handler may run in a transaction that goes on after it: it neither publishes nor sends nor commits, but returns
    what is to follow the commit.

    Args:
        name: How it is called.
        handler: What it does, in as few service calls as possible.
        schema: What it takes; anything else never reaches the handler.
        description: What it does and when to use it, for a model to read.
        result: What its content is.
        read_only: It changes nothing.
        idempotent: The same call again changes nothing more, as is so of every tool that only reads.

    Raises:
        ValueError: The name is taken, or no name for a tool.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"not a tool's name: {name!r}")
    if name in _tools:
        raise ValueError(f"there is a tool {name!r} already")
    tool = Tool(name, description, schema, result, handler, read_only, idempotent or read_only)
    _tools[name] = tool
    return tool


def all_tools() -> list[Tool]:
    """Return all tools in the order of their registration."""
    return list(_tools.values())


def is_built_in(name: str) -> bool:
    """Tell whether a tool of this name is built in."""
    return name in _tools


def find_tool(name: str) -> Tool:
    """Return the tool of this name.

    Raises:
        UnknownToolError: There is none.
    """
    tool = _tools.get(name)
    if tool is None:
        raise UnknownToolError(details={"tool": name})
    return tool


def validate(name: str, arguments: Mapping[str, Any]) -> tuple[Tool, BaseModel]:
    """Check a call without carrying it out; return the tool and its arguments as its handler takes them.

    Raises:
        UnknownToolError: There is no such tool.
        InvalidToolArgumentsError: It does not take these arguments.
    """
    tool = find_tool(name)
    try:
        return tool, tool.parameters.model_validate(arguments)
    except ValidationError as error:
        raise InvalidToolArgumentsError.of(name, error) from error


def call(db: Database, context: ToolContext, name: str, arguments: Mapping[str, Any]) -> ToolResult:
    """Carry out a call as a whole or not at all; the caller does the `follow_up` after the commit.

    Inside a transaction it becomes a part of it, and an error leaves the rest of that as it was; outside of one it is
    committed when this returns.

    Raises:
        UnknownToolError: There is no such tool.
        InvalidToolArgumentsError: It does not take these arguments.
        ServiceError: Whatever the tool's service says.
        TypeError: The handler returned other content than it was registered with.
    """
    tool, parameters = validate(name, arguments)
    with nullcontext() if tool.read_only else db.transaction():
        result = tool.handler(db, context, parameters)
        if not isinstance(result.content, tool.result):
            raise TypeError(f"{name} returned {type(result.content).__name__}, not {tool.result.__name__}")
    return result


def follow_up(db: Database, result: ToolResult, *, origin: str) -> None:
    """Publish the events, wake the jobs and ask for the checks of a call whose effects are committed.

    Nothing of it is lost if it fails: the relay, the sweep and the next check make up for it.

    Args:
        db: A connection outside of any transaction.
        result: What the call returned.
        origin: The function's name, for its crash points.
    """
    events.publish(db, result.events, origin=origin)
    if result.accepted_jobs:
        jobs.wake(result.accepted_jobs)
    if result.checks:
        jobs.ask_for_checks(result.checks)


def _schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema without references, which not all models and clients follow, and without names of our classes."""
    definitions = schema.get("$defs", {})

    def inlined(node: Any) -> Any:
        if isinstance(node, list):
            return [inlined(item) for item in node]
        if not isinstance(node, dict):
            return node
        target = definitions[node["$ref"].rpartition("/")[2]] if "$ref" in node else {}
        whole = {name: inlined(value) for name, value in (target | node).items() if name not in {"$ref", "$defs"}}
        if whole.get("additionalProperties") == {}:
            # Clients take a schema without a keyword for an oversight.
            whole["additionalProperties"] = True
        return whole

    whole: dict[str, Any] = inlined(schema)
    return {name: value for name, value in whole.items() if name not in {"title", "description"}}
