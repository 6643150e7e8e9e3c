"""MCP clients of both eras against the running stack, by the official SDK."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.extension import ClientExtension
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from callboard import discovery
from callboard_local.stack import Stack
from support.mcp_tasks import Tasks
from support.stack import User

TOOLS = [
    "get_project_memory",
    "create_activity_with_cards",
    "update_card",
    "create_job",
    "get_job",
    "cancel_job",
    "retry_job",
    "list_candidates",
    "approve_asset",
]
ERAS = ["auto", "legacy", "2026-07-28"]


@asynccontextmanager
async def connected(user: User, era: str, *extensions: ClientExtension) -> AsyncIterator[Client]:
    headers = {"authorization": f"Bearer {user.token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=40) as http,
        Client(streamable_http_client(user.stack.mcp, http_client=http), mode=era, extensions=extensions) as client,
    ):
        yield client


@pytest.mark.parametrize("era", ERAS)
async def test_a_production_from_the_first_call_to_the_approved_asset(alice: User, era: str) -> None:
    project = await alice.call("POST", "/api/projects", {"name": f"By MCP, {era}"}, expect=201)
    async with connected(alice, era) as client:
        listed = await client.list_tools()
        assert [tool.name for tool in listed.tools][: len(TOOLS)] == TOOLS

        async def call(tool: str, **arguments: Any) -> Any:
            result = await client.call_tool(tool, arguments)
            assert not result.is_error, result.content
            return result.structured_content

        cards = [
            {"title": "Storm", "params": {"prompt": "A storm", "simulate": {"duration": 0.1}}, "candidates": 1},
        ]
        made = await call("create_activity_with_cards", project_id=project["id"], title="Night", cards=cards)
        (job,) = made["jobs"]
        assert (await alice.ended(job["job_id"]))["status"] == "completed"

        (candidate,) = (await call("list_candidates", card_id=job["card_id"]))["items"]
        asset = await call("approve_asset", card_id=job["card_id"], job_id=candidate["job_id"])
        async with httpx.AsyncClient() as http:
            picture = await http.get(asset["url"])
        assert picture.content.startswith(b"\x89PNG")

        uri = f"callboard://projects/{project['id']}/memory"
        assert uri in [resource.uri for resource in (await client.list_resources()).resources]
        (content,) = (await client.read_resource(uri)).contents
        memory = json.loads(getattr(content, "text", ""))
        assert [found["id"] for found in memory["approved_assets"]] == [asset["id"]]
        prompt = await client.get_prompt("review_card", {"card_id": job["card_id"]})
        assert prompt.messages


@pytest.mark.parametrize("era", ERAS)
async def test_progress_is_told(alice: User, era: str) -> None:
    card = await alice.make_card()
    told: list[float] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        told.append(progress)

    async with connected(alice, era) as client:
        arguments = {"project_id": card["project_id"]}
        result = await client.call_tool("get_project_memory", arguments, progress_callback=note)

    assert not result.is_error
    assert told == [0, 1]


@pytest.mark.parametrize(
    ("simulate", "status"), [({}, "completed"), ({"outcome": "refuse"}, "failed")], ids=["well", "badly"]
)
async def test_a_job_is_a_task_until_it_ends(alice: User, simulate: dict[str, Any], status: str) -> None:
    card = await alice.make_card()
    tasks = Tasks()

    async with connected(alice, "2026-07-28", tasks) as client:
        params = {"prompt": "A lamp", "simulate": {"duration": 0.1} | simulate}
        result = await client.call_tool("create_job", {"card_id": card["id"], "params": params})

    assert isinstance(result.structured_content, dict)
    assert tasks.created == [result.structured_content["job_id"]]
    assert result.structured_content["status"] == status
    assert result.is_error is (status == "failed")


async def test_5_mb_of_parameters_are_too_large(alice: User) -> None:
    call = {"name": "get_job", "arguments": {"job_id": "x" * 5_000_000}}

    answer = await alice.http.post(
        alice.stack.mcp, json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    )

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize("era", ERAS)
async def test_mistakes_are_clear(alice: User, era: str) -> None:
    async with connected(alice, era) as client:
        wrong = await client.call_tool("get_job", {"job_id": "nonsense"})
        with pytest.raises(MCPError) as unknown:
            await client.call_tool("no_such_tool", {})

    assert wrong.is_error
    assert json.loads(getattr(wrong.content[0], "text", ""))["code"] == "INVALID_TOOL_ARGUMENTS"
    assert unknown.value.error.code == -32602


async def test_another_tenant_sees_nothing(alice: User, bob: User) -> None:
    card = await alice.make_card()

    async with connected(bob, "auto") as client:
        resources = (await client.list_resources()).resources
        found = await client.call_tool("get_project_memory", {"project_id": card["project_id"]})

    assert card["project_id"] not in "".join(resource.uri for resource in resources)
    assert json.loads(getattr(found.content[0], "text", ""))["code"] == "PROJECT_NOT_FOUND"


async def test_who_has_no_token_is_led_to_the_issuer(stack: Stack) -> None:
    async with httpx.AsyncClient() as http:
        refused = await http.post(stack.mcp, json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
        where = refused.headers["www-authenticate"].partition('resource_metadata="')[2].rstrip('"')
        metadata = await http.get(where)

    assert refused.status_code == 401
    assert where.startswith(stack.http)
    assert metadata.json()["resource"] == stack.mcp
    assert metadata.json()["authorization_servers"][0].endswith(stack.user_pool_id)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_only_post_is_taken(alice: User, method: str) -> None:
    answer = await alice.http.request(method, alice.stack.mcp)

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_the_server_is_found_by_its_name(stack: Stack, elsewhere: None) -> None:
    discovery.forget()

    assert discovery.discover("mcp", stack.stack_name) == stack.mcp
