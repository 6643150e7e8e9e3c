"""SQL of registered tools."""

import json
from collections.abc import Sequence
from typing import Any

from callboard.database import Database
from callboard.ids import new_id
from callboard.mcp.models import NewTool, RegisteredTool, ToolDefinition

_COLUMNS = "name, description, schema, output_schema, function, created_by, created_at, updated_at"

# Registrations of a tenant take turns, so that its tools can be counted.
LOCK_TENANT = "SELECT pg_advisory_xact_lock(hashtextextended('registered_tools ' || %(tenant)s::text, 0))"

NAMES = "SELECT name FROM registered_tools WHERE tenant = %(tenant)s"

INSERT = (
    """
INSERT INTO registered_tools (id, tenant, name, description, schema, output_schema, function, created_by)
VALUES (%(id)s, %(tenant)s, %(name)s, %(description)s, %(schema)s::json, %(output_schema)s::json, %(function)s,
        %(created_by)s)
RETURNING """
    + _COLUMNS
)

GET = "SELECT " + _COLUMNS + " FROM registered_tools WHERE tenant = %(tenant)s AND name = %(name)s"

LIST = (
    "SELECT "
    + _COLUMNS
    + """
FROM registered_tools
WHERE tenant = %(tenant)s AND (%(after)s::text IS NULL OR name > %(after)s)
ORDER BY name LIMIT %(limit)s"""
)

REPLACE = (
    """
UPDATE registered_tools
SET description = %(description)s, schema = %(schema)s::json, output_schema = %(output_schema)s::json,
    function = %(function)s, updated_at = now()
WHERE tenant = %(tenant)s AND name = %(name)s
RETURNING """
    + _COLUMNS
)

DELETE = "DELETE FROM registered_tools WHERE tenant = %(tenant)s AND name = %(name)s"


def lock_names(db: Database, tenant: str) -> Sequence[str]:
    """Hold the tenant against other registrations; return the names of its tools. Needs a transaction."""
    # Two statements: one would see the tools of the time before it waited.
    db.execute(LOCK_TENANT, {"tenant": tenant})
    return [row["name"] for row in db.execute(NAMES, {"tenant": tenant})]


def insert(db: Database, tenant: str, tool: NewTool, *, created_by: str) -> RegisteredTool:
    """Store a tool whose name is free."""
    row = db.execute(
        INSERT, _definition(tool) | {"id": new_id(), "tenant": tenant, "name": tool.name, "created_by": created_by}
    ).fetchone()
    return RegisteredTool.model_validate(row)


def get(db: Database, tenant: str, name: str) -> RegisteredTool | None:
    """Read a tool of a tenant."""
    row = db.execute(GET, {"tenant": tenant, "name": name}).fetchone()
    return RegisteredTool.model_validate(row) if row else None


def list_tools(db: Database, tenant: str, after: str | None, limit: int) -> list[RegisteredTool]:
    """Read tools of a tenant by name."""
    rows = db.execute(LIST, {"tenant": tenant, "after": after, "limit": limit})
    return [RegisteredTool.model_validate(row) for row in rows]


def replace(db: Database, tenant: str, name: str, tool: ToolDefinition) -> RegisteredTool | None:
    """Store another definition of a tool; None without such a tool."""
    row = db.execute(REPLACE, _definition(tool) | {"tenant": tenant, "name": name}).fetchone()
    return RegisteredTool.model_validate(row) if row else None


def delete(db: Database, tenant: str, name: str) -> bool:
    """Delete a tool; tell whether there was one."""
    return db.execute(DELETE, {"tenant": tenant, "name": name}).rowcount == 1


def _definition(tool: ToolDefinition) -> dict[str, Any]:
    return {
        "description": tool.description,
        # As text: the driver's own wrapper makes jsonb, which sorts the properties.
        "schema": json.dumps(tool.parameters),
        "output_schema": json.dumps(tool.output_schema) if tool.output_schema is not None else None,
        "function": tool.function,
    }
