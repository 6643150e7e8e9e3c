"""The protocol's extension for long work, on the extension points of the SDK, which has none of it: SEP-2663."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Literal, Protocol

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import MCP_NAME_HEADER, decode_header_value
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer
from pydantic.alias_generators import to_camel

EXTENSION = "io.modelcontextprotocol/tasks"

type Status = Literal["working", "input_required", "completed", "failed", "cancelled"]
type Context = ServerRequestContext[Any]
type Handler[Params: BaseModel] = Callable[[Context, Params], Awaitable[BaseModel]]


class _OnTheWire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, frozen=True)


class Task(_OnTheWire):
    """Work under way or done: what every answer about it says. Without a `ttl_ms` it is kept for good."""

    task_id: str
    status: Status
    status_message: str | None = None
    created_at: datetime
    last_updated_at: datetime
    ttl_ms: int | None = None
    poll_interval_ms: int | None = None

    @model_serializer(mode="wrap")
    def _with_its_null(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # The SDK leaves out what is null, which a task that is kept for good has to say.
        return {"ttlMs": None} | {name: value for name, value in serialize(self).items() if value is not None}


class CreatedTask(Task):
    """The answer to a call that goes on: instead of its result, what to ask for."""

    result_type: Literal["task"] = "task"


class DetailedTask(Task):
    """A task with what it came to, or what it asks for: the result, the error or the requests of its status."""

    result_type: Literal["complete"] = "complete"
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    input_requests: dict[str, Any] | None = None


class Acknowledgement(_OnTheWire):
    """The answer to a wish about a task; what comes of it is seen in the task."""

    result_type: Literal["complete"] = "complete"


class TaskParams(types.RequestParams):
    """Names a task."""

    task_id: str


class UpdateTaskParams(TaskParams):
    """Answers what a task asked for, by the names of the requests."""

    input_responses: dict[str, Any] = Field(default_factory=dict)


class TaskOffers(Protocol):
    """What a server does with the tasks that its tools made, for one caller."""

    async def get_task(self, context: Context, params: TaskParams) -> DetailedTask:
        """Tell how it stands with a task."""

    async def update_task(self, context: Context, params: UpdateTaskParams) -> Acknowledgement:
        """Take answers that a task waits for; others are of no account."""

    async def cancel_task(self, context: Context, params: TaskParams) -> Acknowledgement:
        """Ask for a task's end. One that has ended stays as it is."""


def add_tasks(
    server: Server[Any], offers: TaskOffers, spoken: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> None:
    """Have a server offer the extension; `spoken` makes errors of the protocol of those of the domain."""
    server.extensions[EXTENSION] = {}
    server.add_request_handler("tasks/get", TaskParams, _guarded(spoken(offers.get_task)))
    server.add_request_handler("tasks/update", UpdateTaskParams, _guarded(spoken(offers.update_task)))
    server.add_request_handler("tasks/cancel", TaskParams, _guarded(spoken(offers.cancel_task)))


def is_declared(context: Context) -> bool:
    """Tell whether the client said in this very request that it knows tasks; older revisions cannot."""
    known = context.session.client_capabilities
    return context.protocol_version in MODERN_PROTOCOL_VERSIONS and EXTENSION in ((known and known.extensions) or {})


def require_declared(context: Context) -> None:
    """Insist on a client that knows tasks.

    Raises:
        MCPError: It did not say so in this request.
    """
    if is_declared(context):
        return
    required = types.ClientCapabilities(extensions={EXTENSION: {}})
    data = types.MissingRequiredClientCapabilityErrorData(required_capabilities=required)
    raise MCPError(
        code=types.MISSING_REQUIRED_CLIENT_CAPABILITY,
        message="This needs a client that declares the extension for tasks.",
        data=data.model_dump(by_alias=True, mode="json", exclude_none=True),
    )


def _guarded[Params: TaskParams](handler: Handler[Params]) -> Handler[Params]:
    async def guarded(context: Context, params: Params) -> BaseModel:
        if context.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            raise MCPError(code=types.METHOD_NOT_FOUND, message="Method not found", data=context.method)
        # The SDK compares the headers of the methods that it knows itself.
        headers = getattr(context.request, "headers", None)
        if headers is not None and decode_header_value(headers.get(MCP_NAME_HEADER)) != params.task_id:
            message = f"{MCP_NAME_HEADER} header does not match the request body's 'taskId' parameter"
            raise MCPError(code=types.HEADER_MISMATCH, message=message)
        require_declared(context)
        return await handler(context, params)

    return guarded
