"""The server that speaks MCP, by the official SDK, for whatever is offered through it."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast

import mcp_types as types
from mcp.server.caching import CacheHint
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from callboard.errors import InvalidInputError, NotFoundError, ServiceError
from callboard.mcp.errors import ResourceNotFoundError
from callboard.mcp.tasks import Context, CreatedTask, TaskOffers, add_tasks

VERSION = "0.1.0"
INSTRUCTIONS = """\
Callboard produces content: a project holds activities, an activity holds task cards, a card is one picture, clip or \
sound. Generation jobs make candidates for a card; one of them becomes its approved asset. Start with a project's \
memory, the tool get_project_memory or the resource callboard://projects/{project_id}/memory. Jobs run by themselves: \
ask for them again after a while rather than at once."""

# Revisions before 2026-07-28 have a code of its own for it.
LEGACY_RESOURCE_NOT_FOUND = -32002
HOUR_MS = 3_600_000
# Clients ask again after a deployment at the latest within this time. What is the same for all callers may be shared.
HINTS: dict[Any, CacheHint] = {
    "server/discover": CacheHint(ttl_ms=HOUR_MS, scope="public"),
    "prompts/list": CacheHint(ttl_ms=HOUR_MS, scope="public"),
    "resources/templates/list": CacheHint(ttl_ms=HOUR_MS, scope="public"),
    "tools/list": CacheHint(ttl_ms=300_000, scope="private"),
    "resources/list": CacheHint(ttl_ms=0, scope="private"),
    "resources/read": CacheHint(ttl_ms=0, scope="private"),
}

type Page = types.PaginatedRequestParams | None


class Offers(TaskOffers, Protocol):
    """What a server offers to one caller. Errors of the domain become errors of the protocol."""

    async def list_tools(self, context: Context, params: Page) -> types.ListToolsResult:
        """List what can be called."""

    async def call_tool(
        self, context: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult | CreatedTask:
        """Call a tool; answer with a task only where the client declared that it knows them."""

    def header_schema(self, name: str) -> dict[str, Any] | None:
        """Return the schema that says which arguments of a tool are repeated in headers; None if none are."""

    async def list_resources(self, context: Context, params: Page) -> types.ListResourcesResult:
        """List what can be read."""

    async def list_resource_templates(self, context: Context, params: Page) -> types.ListResourceTemplatesResult:
        """List the forms of what can be read."""

    async def read_resource(
        self, context: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult | types.InputRequiredResult:
        """Read a resource."""

    async def list_prompts(self, context: Context, params: Page) -> types.ListPromptsResult:
        """List the prompts."""

    async def get_prompt(
        self, context: Context, params: types.GetPromptRequestParams
    ) -> types.GetPromptResult | types.InputRequiredResult:
        """Fill in a prompt."""

    async def complete(self, context: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
        """Suggest values of an argument of a prompt or of a resource's form."""


def build_server(offers: Offers) -> Server[Any]:
    """Make the server of one request: it keeps nothing, and announces no changes, which nothing could deliver."""
    server: Server[Any] = Server(
        "callboard",
        version=VERSION,
        title="Callboard",
        description="A backend for agent-driven content production.",
        instructions=INSTRUCTIONS,
        cache_hints=HINTS,
        get_tool_input_schema=offers.header_schema,
        on_list_tools=_spoken(offers.list_tools),
        # The SDK's type knows the results of the protocol itself; what an extension answers it passes on.
        on_call_tool=cast(Any, _spoken(offers.call_tool)),
        on_list_resources=_spoken(offers.list_resources),
        on_list_resource_templates=_spoken(offers.list_resource_templates),
        on_read_resource=_spoken(offers.read_resource),
        on_list_prompts=_spoken(offers.list_prompts),
        on_get_prompt=_spoken(offers.get_prompt),
        on_completion=_spoken(offers.complete),
    )
    # Of old, clients say once how much they want to be told. Nothing is kept from one request to the next, and what is
    # said during a call comes with its answer.
    server.add_request_handler("logging/setLevel", types.SetLevelRequestParams, _acknowledge)
    add_tasks(server, offers, _spoken)
    return server


async def _acknowledge(context: Context, params: types.SetLevelRequestParams) -> types.EmptyResult:
    return types.EmptyResult()


def _spoken[Params, Result](
    handler: Callable[[Context, Params], Awaitable[Result]],
) -> Callable[[Context, Params], Awaitable[Result]]:
    """Let a handler's errors of the domain be those of the protocol; of any other, the SDK tells nothing."""

    async def speaking(context: Context, params: Params) -> Result:
        try:
            return await handler(context, params)
        except ServiceError as error:
            raise MCPError(
                code=_code(error, context.protocol_version),
                message=error.message,
                data=error.details | {"code": error.code},
            ) from error

    return speaking


def _code(error: ServiceError, revision: str) -> int:
    if isinstance(error, ResourceNotFoundError) and revision not in MODERN_PROTOCOL_VERSIONS:
        return LEGACY_RESOURCE_NOT_FOUND
    return types.INVALID_PARAMS if isinstance(error, InvalidInputError | NotFoundError) else types.INTERNAL_ERROR
