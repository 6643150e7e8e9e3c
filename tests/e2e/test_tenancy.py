"""Nobody sees another tenant's work, on any route of the API."""

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

from callboard_local import ministack
from callboard_local.openapi import COMMITTED
from support.stack import User
from support.tools import contact_sheet_tool

from .conftest import PATHS

# What a request needs to be valid but for whose things it names.
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("patch", "/api/projects/{project_id}"): {"name": "Stolen"},
    ("post", "/api/projects/{project_id}/activities"): {"title": "Stolen"},
    ("patch", "/api/activities/{activity_id}"): {"title": "Stolen"},
    ("post", "/api/activities/{activity_id}/cards"): {"title": "Stolen"},
    ("patch", "/api/cards/{card_id}"): {"title": "Stolen"},
    ("post", "/api/cards/{card_id}/approve"): {"job_id": "0198f2a0-0000-7000-8000-000000000001"},
}
# Of tools, everyone may read; whether there is one to change, only administrators learn.
ADMINS_ONLY = {("put", "/api/tools/{name}"), ("delete", "/api/tools/{name}")}
# Signed by services: no user's token counts there.
SIGNED = {"/api/jobs/{job_id}/status", "/api/callbacks/{provider}"}


def operations() -> list[tuple[str, str]]:
    """List the API's operations that name something by id, from the document that describes it."""
    paths = json.loads(COMMITTED.read_text())["paths"]
    return [
        (method, path)
        for path, item in paths.items()
        for method in item
        if path.startswith("/api/") and "{" in path and path not in SIGNED and (method, path) not in ADMINS_ONLY
    ]


async def ids_of(user: User, admin: User) -> dict[str, str]:
    tool = f"tool_{uuid4().hex}"
    await admin.call("POST", "/api/tools", contact_sheet_tool(user.stack, tool), expect=201)
    card = await user.make_card()
    job_id = await user.create_job(card)
    await user.ended(job_id)
    asset = await user.call("POST", f"/api/cards/{card['id']}/approve", {"job_id": job_id}, expect=201)
    return {
        "project_id": card["project_id"],
        "activity_id": card["activity_id"],
        "card_id": card["id"],
        "job_id": job_id,
        "asset_id": asset["id"],
        "name": tool,
    }


async def test_another_tenant_s_ids_are_not_found_like_unknown_ones(alice: User, bob: User, admin: User) -> None:
    ids = await ids_of(alice, admin)
    before = await alice.call("GET", f"/api/projects/{ids['project_id']}/activities")
    assert len(operations()) >= 20

    for method, path in operations():
        body = BODIES.get((method, path))
        foreign = await bob.http.request(method, path.format(**ids), json=body)
        unknown = await bob.http.request(
            method, path.format(**dict.fromkeys(ids, "0198f2a0-0000-7000-8000-000000000009")), json=body
        )
        assert foreign.status_code == 404, f"{method} {path}: {foreign.status_code} {foreign.text}"
        shown = [answer.json()["error"] | {"request_id": ""} for answer in (foreign, unknown)]
        assert shown[0] == shown[1], f"{method} {path}"

    assert await alice.call("GET", f"/api/projects/{ids['project_id']}/activities") == before


async def test_lists_hold_one_s_own_things_only(alice: User, bob: User, admin: User) -> None:
    ids = await ids_of(alice, admin)

    projects = await bob.call("GET", "/api/projects?limit=200")
    tools = await bob.call("GET", "/api/tools?limit=200")
    jobs = await bob.call("GET", f"/api/jobs?card_id={ids['card_id']}")

    assert ids["project_id"] not in [project["id"] for project in projects["items"]]
    assert jobs["items"] == []
    assert tools["items"] == []


async def test_another_tenant_s_card_takes_no_job(alice: User, bob: User) -> None:
    card = await alice.make_card()

    answer = await bob.http.post("/api/jobs", json={"card_id": card["id"], "params": {"prompt": "A lamp"}})

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "CARD_NOT_FOUND")
    assert (await alice.call("GET", f"/api/jobs?card_id={card['id']}"))["items"] == []


@pytest.mark.parametrize("presented", [None, "not-a-token", "e30.e30.e30"])
async def test_without_a_good_token_no_route_of_the_api_answers(alice: User, presented: str | None) -> None:
    headers = {"authorization": f"Bearer {presented}"} if presented else {}
    async with httpx.AsyncClient(base_url=alice.stack.http, headers=headers) as anyone:
        for method, path in [("get", "/api/projects"), ("post", "/api/jobs"), *operations()]:
            answer = await anyone.request(method, path.replace("{", "").replace("}", ""))
            assert answer.status_code == 401, f"{method} {path}"


async def test_an_id_token_is_no_access_token(alice: User) -> None:

    passwords = json.loads(PATHS.users_file.read_text())
    tokens = ministack.client("cognito-idp", alice.stack.aws_endpoint_url).initiate_auth(
        ClientId=alice.stack.user_pool_client_id,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "alice", "PASSWORD": passwords["alice"]},
    )
    headers = {"authorization": f"Bearer {tokens['AuthenticationResult']['IdToken']}"}

    answer = await alice.http.get("/api/projects", headers=headers)

    assert answer.status_code == 401
