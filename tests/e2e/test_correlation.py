"""One correlation id, from an HTTP request through everything that it leads to, to the followers and the service."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from callboard_local import deployment, function_logs
from callboard_local.stack import Stack
from support.stack import User, is_update

# Functions that take part in a production, each at least once.
INVOLVED = {
    "agent_api",
    "run_agent_step",
    "submit_job",
    "check_job",
    "wake_agent",
    "notify",
}
TOPICS = {"agent.run.updated", "activity.created", "job.status.updated", "asset.approved"}
BRIEF = '# Dusk\n- A lamp in the rain\n- A lamp in the snow\n\nplanner: simulate={"duration": 0.1}\nplanner: ask=never'


def ended(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the update of the run's end, if it has come."""
    return [message for message in told if message["data"].get("status") in {"success", "error"}]


def functions_that_log(stack: Stack, correlation_id: str) -> set[str]:
    """Return the functions that have logged a line under an id."""
    names = deployment.function_names(stack.aws_endpoint_url)
    return {
        function
        for function, name in names.items()
        for line in function_logs.read(stack.aws_endpoint_url, name, follow=False)
        if line.fields.get("correlation_id") == correlation_id
    }


@pytest.fixture
def correlation_id() -> str:
    return f"production-{uuid4()}"


async def test_a_production_has_one_id_from_the_request_to_its_followers_and_the_service(
    alice: User, control: httpx.AsyncClient, correlation_id: str
) -> None:
    project = (await alice.call("POST", "/api/projects", {"name": "Teaser"}, expect=201))["id"]
    socket = await alice.socket()
    await socket.ask({"type": "subscribe", "context_id": project})
    thread = (await alice.call("POST", "/agents/threads", {"metadata": {"project_id": project}}))["thread_id"]

    run = await alice.call(
        "POST",
        f"/agents/threads/{thread}/runs",
        {"assistant_id": "production", "input": {"brief": BRIEF}},
        headers={"x-correlation-id": correlation_id},
    )
    told: list[dict[str, Any]] = []
    try:
        async with asyncio.timeout(60):
            # A raw connection delivers in any order: the end of the run may overtake what came before it.
            while not ended(told) or not {message["topic"] for message in told} >= TOPICS:
                message = await socket.receive(60)
                # Of the project's making, which may still be on its way, another request is the reason.
                if is_update(message) and message["topic"] != "project.updated":
                    told.append(message)
    finally:
        await socket.close()

    [end] = ended(told)
    assert end["data"]["run_id"] == run["run_id"]
    assert end["data"]["status"] == "success"
    assert {message["correlation_id"] for message in told} == {correlation_id}
    jobs = {message["data"]["job_id"] for message in told if message["topic"] == "job.status.updated"}
    submitted = [one for job in jobs for one in await _submissions(control, job)]
    assert len(submitted) == len(jobs) > 1
    assert {one["correlation_id"] for one in submitted} == {correlation_id}
    # The emulator writes a function's log a moment after the function.
    for _ in range(20):
        logged = await asyncio.to_thread(functions_that_log, alice.stack, correlation_id)
        if logged >= INVOLVED:
            break
        await asyncio.sleep(0.5)
    assert logged >= INVOLVED


async def _submissions(control: httpx.AsyncClient, job_id: str) -> list[dict[str, Any]]:
    answer = await control.get("/control/predictions", params={"webhook_contains": job_id})
    found: list[dict[str, Any]] = answer.json()["results"]
    return found
