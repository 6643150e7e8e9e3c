"""All tools that a caller has, listed and called in one way: those built in, and those that its tenant registered."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from callboard.database import Database
from callboard.fields import storable_json
from callboard.identity import Caller
from callboard.ids import new_id
from callboard.mcp import invocation, registry, repository, schemas
from callboard.mcp.errors import InvalidToolArgumentsError, ToolAnsweredRubbishError, UnknownToolError
from callboard.mcp.models import MAX_TOOLS, RegisteredTool, ToolAnswer, ToolCall
from callboard.mcp.registry import ToolContext, ToolResult
from callboard.observability import correlation_id

MAX_ARGUMENT_BYTES = 64 * 1024
MAX_ARGUMENT_DEPTH = 64


@dataclass(frozen=True, slots=True)
class ListedTool:
    """A tool as a client is told of it; `read_only` and `idempotent` are promises, false where none is given.

    Schemas hold no references. Without an output schema the content is some JSON object.
    """

    name: str
    description: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any] | None
    read_only: bool
    idempotent: bool
    is_built_in: bool


def tools_of(db: Database, caller: Caller) -> list[ListedTool]:
    """List the caller's tools, always in the same order: those built in, then its tenant's by name."""
    built_in = [
        ListedTool(
            name=tool.name,
            description=tool.description,
            input_schema=tool.input_schema(),
            output_schema=tool.output_schema(),
            read_only=tool.read_only,
            idempotent=tool.idempotent,
            is_built_in=True,
        )
        for tool in registry.all_tools()
    ]
    registered = [
        ListedTool(
            name=tool.name,
            description=tool.description,
            input_schema=schemas.expanded(tool.parameters),
            output_schema=schemas.expanded(tool.output_schema) if tool.output_schema is not None else None,
            read_only=False,
            idempotent=False,
            is_built_in=False,
        )
        for tool in repository.list_tools(db, caller.tenant, None, MAX_TOOLS)
        # A later release may build in a name that a tenant took before.
        if not registry.is_built_in(tool.name)
    ]
    return [*built_in, *registered]


def call(
    db: Database, context: ToolContext, name: str, arguments: Mapping[str, Any], *, request_id: str | None = None
) -> ToolResult:
    """Carry out a call of any of the caller's tools; the caller of this does the `registry.follow_up`.

    A tool of another service may take 20 seconds and knows nothing of our transactions: call this outside of any.

    Args:
        db: A connection outside of any transaction.
        context: In whose name.
        name: The tool.
        arguments: What it takes.
        request_id: The same if the same call is made again; the correlation id if left out.

    Raises:
        UnknownToolError: The caller has no such tool.
        InvalidToolArgumentsError: It does not take these arguments.
        ToolRefusedError: A registered tool says that it will not, and why.
        ToolUnavailableError: A registered tool is too busy.
        ToolTimedOutError: A registered tool did not answer in time.
        ToolFailedError: A registered tool raised, or its function is gone.
        ToolAnsweredRubbishError: A registered tool answered something else than it promises.
        ServiceError: Whatever a built-in tool's service says.
    """
    if registry.is_built_in(name):
        return registry.call(db, context, name, arguments)
    tool = repository.get(db, context.caller.tenant, name) if registry.NAME.fullmatch(name) else None
    if tool is None:
        raise UnknownToolError(details={"tool": name})
    _check_arguments(tool, arguments)
    call = ToolCall(
        tool=tool.name,
        arguments=dict(arguments),
        tenant=context.caller.tenant,
        request_id=request_id or correlation_id() or str(new_id()),
    )
    answer = invocation.invoke(tool.function, call)
    _check_answer(tool, call, answer)
    return ToolResult(answer)


def _check_arguments(tool: RegisteredTool, arguments: Mapping[str, Any]) -> None:
    faults = _unsendable(arguments) or schemas.problems(schemas.expanded(tool.parameters), dict(arguments))
    if faults:
        fields = [fault | {"field": fault["field"] or "arguments"} for fault in faults]
        raise InvalidToolArgumentsError(details={"tool": tool.name, "fields": fields})


def _unsendable(arguments: Mapping[str, Any]) -> list[schemas.Fault]:
    """Return why arguments cannot be sent to any tool."""

    def fault(message: str, kind: str) -> list[schemas.Fault]:
        return [{"field": "", "message": message, "type": kind}]

    if schemas.depth(arguments) > MAX_ARGUMENT_DEPTH:
        return fault(f"must not be nested deeper than {MAX_ARGUMENT_DEPTH} levels", "too_deep")
    try:
        storable_json(dict(arguments))
    except ValueError as error:
        return fault(str(error), "not_storable")
    if len(json.dumps(arguments, ensure_ascii=False).encode()) > MAX_ARGUMENT_BYTES:
        return fault(f"must not be larger than {MAX_ARGUMENT_BYTES} bytes", "too_large")
    return []


def _check_answer(tool: RegisteredTool, call: ToolCall, answer: ToolAnswer) -> None:
    if tool.output_schema is None:
        return
    faults = schemas.problems(schemas.expanded(tool.output_schema), answer.root)
    if faults:
        invocation.log_failure(tool.function, call, "it does not fit the output schema")
        raise ToolAnsweredRubbishError(
            details={"tool": tool.name, "reason": "it does not fit the output schema", "fields": faults}
        )
