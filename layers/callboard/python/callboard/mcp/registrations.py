"""The part of the service that manage_tools runs: which tools of other services a tenant has."""

from callboard.database import Database
from callboard.identity import Caller, require_admin
from callboard.mcp import invocation, registry, repository, schemas
from callboard.mcp.errors import ToolNameTakenError, ToolNotFoundError, TooManyToolsError
from callboard.mcp.models import MAX_TOOLS, NewTool, RegisteredTool, ToolDefinition
from callboard.observability import logger
from callboard.pagination import Page, decode_cursor, page_of

# What agents steer themselves with stands beside the tools that they are offered.
RESERVED = frozenset({"wait_for_jobs", "request_approval", "recommend_candidate"})


def register(db: Database, caller: Caller, request: NewTool) -> RegisteredTool:
    """Register a tool for the caller's tenant.

    Raises:
        AdminsOnlyError: The caller is no administrator.
        FunctionNotAllowedError: The function is none that may be a tool.
        InvalidToolSchemaError: A schema is none, or holds what is not taken.
        ToolNameTakenError: A tool of this name is built in or registered.
        TooManyToolsError: The tenant has as many as it may have.
    """
    require_admin(caller)
    _check(request)
    if registry.is_built_in(request.name) or request.name in RESERVED:
        raise ToolNameTakenError(details={"name": request.name})
    with db.transaction():
        names = repository.lock_names(db, caller.tenant)
        if request.name in names:
            raise ToolNameTakenError(details={"name": request.name})
        if len(names) >= MAX_TOOLS:
            raise TooManyToolsError(details={"limit": MAX_TOOLS})
        tool = repository.insert(db, caller.tenant, request, created_by=caller.user_name)
    logger.info("tool registered", action="tool_registered", tool=tool.name, function=tool.function)
    return tool


def list_tools(db: Database, caller: Caller, cursor: str | None, limit: int) -> Page[RegisteredTool]:
    """Read a page of the tenant's registered tools, by name.

    Raises:
        InvalidCursorError: The cursor is not one of this list.
    """
    key = decode_cursor(cursor, _name)
    rows = repository.list_tools(db, caller.tenant, key[0] if key else None, limit + 1)
    return page_of(rows, limit, lambda tool: (tool.name,))


def get_tool(db: Database, caller: Caller, name: str) -> RegisteredTool:
    """Read a registered tool.

    Raises:
        ToolNotFoundError: It does not exist for the caller's tenant.
    """
    tool = repository.get(db, caller.tenant, name) if registry.NAME.fullmatch(name) else None
    if tool is None:
        raise ToolNotFoundError
    return tool


def replace_tool(db: Database, caller: Caller, name: str, request: ToolDefinition) -> RegisteredTool:
    """Give a registered tool another definition; calls that have begun go on with the old one.

    Raises:
        AdminsOnlyError: The caller is no administrator.
        FunctionNotAllowedError: The function is none that may be a tool.
        InvalidToolSchemaError: A schema is none, or holds what is not taken.
        ToolNotFoundError: It does not exist for the caller's tenant.
    """
    require_admin(caller)
    _check(request)
    tool = repository.replace(db, caller.tenant, name, request) if registry.NAME.fullmatch(name) else None
    if tool is None:
        raise ToolNotFoundError
    logger.info("tool replaced", action="tool_replaced", tool=tool.name, function=tool.function)
    return tool


def remove_tool(db: Database, caller: Caller, name: str) -> None:
    """Remove a registered tool; its function stays.

    Raises:
        AdminsOnlyError: The caller is no administrator.
        ToolNotFoundError: It does not exist for the caller's tenant.
    """
    require_admin(caller)
    if not registry.NAME.fullmatch(name) or not repository.delete(db, caller.tenant, name):
        raise ToolNotFoundError
    logger.info("tool removed", action="tool_removed", tool=name)


def _check(tool: ToolDefinition) -> None:
    invocation.require_allowed(tool.function)
    schemas.check(tool.parameters, "schema")
    if tool.output_schema is not None:
        schemas.check(tool.output_schema, "output_schema")


def _name(value: object) -> str:
    if not isinstance(value, str) or not registry.NAME.fullmatch(value):
        raise ValueError("not a tool's name")
    return value
