"""/api/tools: tools of other services, which agents and MCP clients may call beside those built in."""

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from callboard.database import session
from callboard.http import Api, json_response, no_content, responses
from callboard.mcp import registrations
from callboard.mcp.models import NewTool, RegisteredTool, ToolDefinition
from callboard.pagination import DEFAULT_LIMIT, Limit, Page

TAGS = ["Tools"]
ACCESS = responses(HTTPStatus.UNAUTHORIZED)
BODY = responses(HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY)
ADMIN = ACCESS | responses(HTTPStatus.FORBIDDEN)
REGISTER = ADMIN | BODY | responses(HTTPStatus.CREATED, HTTPStatus.CONFLICT)
LIST = ACCESS | responses(HTTPStatus.OK, HTTPStatus.UNPROCESSABLE_ENTITY)
READ = ACCESS | responses(HTTPStatus.OK, HTTPStatus.NOT_FOUND)
REPLACE = ADMIN | BODY | responses(HTTPStatus.OK, HTTPStatus.NOT_FOUND)
REMOVE = ADMIN | responses(HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND)

api = Api()


@api.post("/api/tools", summary="Register a tool (administrators)", tags=TAGS, responses=REGISTER)
def register_tool(request: Annotated[NewTool, Body()]) -> Response[RegisteredTool]:
    with session() as db:
        tool = registrations.register(db, api.caller, request)
    return json_response(HTTPStatus.CREATED, tool, {"Location": f"/api/tools/{tool.name}"})


@api.get("/api/tools", summary="List registered tools by name", tags=TAGS, responses=LIST)
def list_tools(
    limit: Annotated[Limit, Query()] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query()] = None,
) -> Page[RegisteredTool]:
    with session() as db:
        return registrations.list_tools(db, api.caller, cursor, limit)


@api.get("/api/tools/<name>", summary="Read a registered tool", tags=TAGS, responses=READ)
def get_tool(name: str) -> RegisteredTool:
    with session() as db:
        return registrations.get_tool(db, api.caller, name)


@api.put("/api/tools/<name>", summary="Replace a tool's definition (administrators)", tags=TAGS, responses=REPLACE)
def replace_tool(name: str, request: Annotated[ToolDefinition, Body()]) -> RegisteredTool:
    with session() as db:
        return registrations.replace_tool(db, api.caller, name, request)


@api.delete("/api/tools/<name>", summary="Remove a tool (administrators)", tags=TAGS, responses=REMOVE)
def remove_tool(name: str) -> Response[str]:
    with session() as db:
        registrations.remove_tool(db, api.caller, name)
    return no_content()


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer requests about registered tools.

    Trigger: the HTTP API. Effect: a tool is stored, replaced or removed in one transaction. A raise leads to the
    gateway's 500, with nothing changed.
    """
    return api.serve(event, context)
