"""Registered tools to test with, and a stand-in for the functions that carry them out."""

import io
import json
from typing import Any

from callboard.database import Database
from callboard.identity import Caller
from callboard.mcp import registrations
from callboard.mcp.models import NewTool, RegisteredTool
from callboard_local.stack import Stack

# What `fake_cloud` names the stack.
FUNCTION = "callboard-test-tool-lamp"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"zone": {"type": "string"}, "colour": {"type": "string", "maxLength": 5}},
    "required": ["colour"],
    "additionalProperties": False,
}
OUTPUT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"lumens": {"type": "integer"}},
    "required": ["lumens"],
}


def definition(**more: Any) -> dict[str, Any]:
    """Return the body of a request to replace a tool."""
    return {"description": "Shines.", "schema": SCHEMA, "function": FUNCTION} | more


def register(db: Database, tenant: str = "alice", name: str = "shine_lamp", **more: Any) -> RegisteredTool:
    """Register a tool in a tenant."""
    admin = Caller(tenant=tenant, user_id="user-admin", user_name="admin", is_admin=True)
    return registrations.register(db, admin, NewTool.model_validate(definition(name=name, **more)))


def contact_sheet_tool(stack: Stack, name: str = "contact_sheet") -> dict[str, Any]:
    """Return the body of a request to register the tool that the stack ships with."""
    return {
        "name": name,
        "description": "Draw one picture of all approved pictures of a project. Answers its url.",
        "schema": {
            "type": "object",
            "properties": {"project_id": {"type": "string", "description": "The project's id."}},
            "required": ["project_id"],
            "additionalProperties": False,
        },
        "output_schema": {
            "type": "object",
            "properties": {"url": {"type": "string"}, "pictures": {"type": "integer", "minimum": 1}},
            "required": ["url", "pictures"],
        },
        "function": f"{stack.stack_name}-tool-contact-sheet",
    }


class Functions:
    """Stands in for Lambda: remembers what it was asked, and answers or raises what it was told."""

    def __init__(self) -> None:
        self.invocations: list[dict[str, Any]] = []
        self.answer: bytes | Exception = b'{"lumens": 800}'
        self.error: str | None = None

    def invoke(self, **request: Any) -> dict[str, Any]:
        self.invocations.append(request | {"Payload": json.loads(request["Payload"])})
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"Payload": io.BytesIO(self.answer)} | ({"FunctionError": self.error} if self.error else {})
