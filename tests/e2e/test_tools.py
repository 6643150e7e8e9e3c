"""Tools of other services on a running stack: an administrator registers one, and it is called like those built in."""

import asyncio
import io
import zipfile
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from callboard.database import connect
from callboard.errors import ServiceError
from callboard.identity import Caller
from callboard.mcp import catalog, invocation
from callboard.mcp.errors import (
    ToolAnsweredRubbishError,
    ToolFailedError,
    ToolGoneError,
    ToolRefusedError,
    ToolTimedOutError,
    UnknownToolError,
)
from callboard.mcp.registry import ToolContext
from callboard.settings import Settings
from callboard_local import ministack
from callboard_local.stack import Stack
from support.aws import forget_clients
from support.stack import User
from support.tools import contact_sheet_tool

TOOL = "/api/tools/contact_sheet"


@pytest.fixture
def as_function(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this process be one of the stack's functions that call tools."""
    required = (name for name, field in Settings.model_fields.items() if field.is_required())
    settings = dict.fromkeys(map(str.upper, required), "unused")
    for name, value in {
        **settings,
        **ministack.CREDENTIALS,
        "ENVIRONMENT": "local",
        "STACK_NAME": stack.stack_name,
        "AWS_ENDPOINT_URL": stack.aws_endpoint_url,
    }.items():
        monkeypatch.setenv(name, value)
    forget_clients()
    yield
    forget_clients()


@pytest.fixture
async def registered(admin: User) -> dict[str, Any]:
    await admin.http.delete(TOOL)
    tool: dict[str, Any] = await admin.call("POST", "/api/tools", contact_sheet_tool(admin.stack), expect=201)
    return tool


async def call(stack: Stack, tenant: str, name: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool as a function would, in the name of a member of the tenant."""
    context = ToolContext(Caller(tenant=tenant, user_id=f"user-{tenant}", user_name=tenant))

    def in_a_function() -> dict[str, Any]:
        with connect(stack.database_url) as db:
            content: dict[str, Any] = catalog.call(db, context, name, arguments).content.model_dump(mode="json")
            return content

    return await asyncio.to_thread(in_a_function)


async def approved(user: User, title: str) -> str:
    """Have a picture made and approved; return its project's id."""
    card = await user.make_card(title)
    job_id = await user.create_job(card)
    await user.ended(job_id)
    await user.call("POST", f"/api/cards/{card['id']}/approve", {"job_id": job_id}, expect=201)
    return str(card["project_id"])


async def test_an_administrator_registers_lists_replaces_and_removes_a_tool(
    admin: User, alice: User, bob: User, registered: dict[str, Any]
) -> None:
    assert (await alice.call("GET", TOOL)) == registered
    assert registered in (await alice.call("GET", "/api/tools?limit=200"))["items"]
    assert (await bob.http.get(TOOL)).status_code == 404
    again = await admin.http.post("/api/tools", json=contact_sheet_tool(admin.stack))
    assert (again.status_code, again.json()["error"]["code"]) == (409, "TOOL_NAME_TAKEN")

    new = {name: registered[name] for name in ("schema", "function")} | {"description": "Draws."}
    replaced = await admin.call("PUT", TOOL, new)

    assert (replaced["description"], replaced["output_schema"]) == ("Draws.", None)
    assert await admin.call("DELETE", TOOL, expect=204) is None
    assert (await alice.http.get(TOOL)).json()["error"]["code"] == "TOOL_NOT_FOUND"


async def test_members_register_nothing(alice: User) -> None:
    for method, path in (("POST", "/api/tools"), ("PUT", TOOL), ("DELETE", TOOL)):
        body = contact_sheet_tool(alice.stack, f"tool_{uuid4().hex}")
        if method == "PUT":
            del body["name"]
        answer = await alice.http.request(method, path, json=None if method == "DELETE" else body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "ADMINS_ONLY"), f"{method} {path}"


@pytest.mark.usefixtures("registered", "as_function")
async def test_the_contact_sheet_shows_a_projects_approved_pictures(stack: Stack, alice: User) -> None:
    project_id = await approved(alice, "A lamp")

    answer = await call(stack, "alice", "contact_sheet", project_id=project_id)

    assert answer["pictures"] == 1
    async with httpx.AsyncClient() as anyone:
        sheet = await anyone.get(answer["url"])
    with Image.open(io.BytesIO(sheet.content)) as image:
        assert (image.format, image.width) == ("PNG", 1920)
        assert len(image.getcolors(image.width * image.height) or []) > 1000


@pytest.mark.usefixtures("registered", "as_function")
async def test_nobody_draws_another_tenants_pictures(stack: Stack, admin: User, alice: User, bob: User) -> None:
    project_id = await approved(bob, "A secret lamp")

    with pytest.raises(ToolRefusedError) as caught:
        await call(stack, "alice", "contact_sheet", project_id=project_id)
    with pytest.raises(UnknownToolError):
        await call(stack, "bob", "contact_sheet", project_id=project_id)

    assert caught.value.details["reason"]["code"] == "PROJECT_NOT_FOUND"


@pytest.mark.usefixtures("as_function")
async def test_a_function_that_is_not_there_is_a_clear_error_and_harms_nobody(
    stack: Stack, admin: User, registered: dict[str, Any], alice: User
) -> None:
    lost = contact_sheet_tool(stack, f"tool_{uuid4().hex}") | {"function": f"{stack.stack_name}-tool-lost"}
    await admin.call("POST", "/api/tools", lost, expect=201)
    project_id = await approved(alice, "A lamp")

    with pytest.raises(ServiceError) as caught:
        await call(stack, "alice", lost["name"], project_id=project_id)

    assert isinstance(caught.value, ToolGoneError)
    assert (await call(stack, "alice", "contact_sheet", project_id=project_id))["pictures"] == 1


MISCHIEF = """
import time

def lambda_handler(event, context):
    kind = event["arguments"]["kind"]
    if kind == "raise":
        raise KeyError("secret 17")
    if kind == "sleep":
        time.sleep(3)
    return {"text": "a" * 300_000, "list": [17], "object": {"lumens": "many"}, "sleep": {"lumens": 8}}[kind]
"""


@pytest.fixture
async def mischief(stack: Stack, admin: User) -> str:
    """Deploy a function that misbehaves as it is told, register it and return the tool's name."""
    name = f"tool_{uuid4().hex}"
    function = f"{stack.stack_name}-tool-{uuid4().hex[:8]}"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("mischief.py", MISCHIEF)
    ministack.client("lambda", stack.aws_endpoint_url).create_function(
        FunctionName=function,
        Runtime="python3.13",
        Role=f"arn:aws:iam::{ministack.ACCOUNT}:role/mischief",
        Handler="mischief.lambda_handler",
        Code={"ZipFile": archive.getvalue()},
        Timeout=20,
    )
    tool = {
        "name": name,
        "description": "Misbehaves.",
        "schema": {"type": "object", "properties": {"kind": {"type": "string"}}, "required": ["kind"]},
        "output_schema": {"type": "object", "properties": {"lumens": {"type": "integer"}}},
        "function": function,
    }
    await admin.call("POST", "/api/tools", tool, expect=201)
    return name


@pytest.mark.usefixtures("as_function")
@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("raise", ToolFailedError),
        ("sleep", ToolTimedOutError),
        ("text", ToolAnsweredRubbishError),
        ("list", ToolAnsweredRubbishError),
        ("object", ToolAnsweredRubbishError),
    ],
)
async def test_a_function_that_misbehaves_is_a_clear_error(
    stack: Stack, mischief: str, monkeypatch: pytest.MonkeyPatch, kind: str, error: type[ServiceError]
) -> None:
    monkeypatch.setattr(invocation, "TIME_LIMIT_SECONDS", 2.0)

    with pytest.raises(error) as caught:
        await call(stack, "alice", mischief, kind=kind)

    assert caught.value.details["tool"] == mischief
    assert "17" not in str(caught.value.as_dict() | {"details": {}})
