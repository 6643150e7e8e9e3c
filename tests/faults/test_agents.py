"""Killed at each of its boundaries, an agent's run still ends with the same board, each job submitted once.

All points are armed in one run, each for a run of its own, while every end of a job is told three times. Waiting is
shortened as for jobs.
"""

import asyncio
import json
import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
from langgraph_sdk import get_client
from psycopg.rows import dict_row

from callboard.events.models import SOURCE, EventRow
from callboard_local import deployment, ministack
from callboard_local.stack import Stack
from support.stack import User, signed_in

from .conftest import PATHS

SECONDS = 240.0
ROUNDS = 3
POINTS = [
    "run_agent_step.after_claim",
    "run_agent_step.before_model",
    "run_agent_step.after_model",
    "run_agent_step.before_tool",
    "run_agent_step.in_tool",
    "run_agent_step.after_tool",
    "run_agent_step.before_checkpoint",
    "run_agent_step.after_checkpoint",
    "run_agent_step.before_send",
    "run_agent_step.after_send",
    "run_agent_step.after_sleep",
    "run_agent_step.after_wake",
    "run_agent_step.after_finish",
    "wake_agent.after_wake",
]
BRIEF = """\
# A lamp

## Dusk
- The lamp (2 candidates): a lamp on a table at dusk
- The window: a window at night

planner: ask=never
planner: simulate={"duration": 0.3}
"""
CARDS, JOBS = 2, 3

MAKE_TIME_PASS = """
UPDATE agent_runs SET step_due_at = now() - interval '1 s'
    WHERE status IN ('pending', 'running') AND step_due_at IS NOT NULL AND updated_at < now() - interval '15 s';
UPDATE generation_jobs SET run_after = run_after - interval '1 min' WHERE status = 'queued'
    AND created_at < now() - interval '3 s' AND run_after < now() + interval '1 min';
UPDATE events SET created_at = created_at - interval '1 min' WHERE published_at IS NULL
    AND created_at < now() - interval '2 s'
"""


@dataclass
class Story:
    """One run, the point it was killed at, and how it ended."""

    point: str
    round_number: int
    project_id: str = ""
    thread_id: str = ""
    run_id: str = ""
    fired: bool = False
    run: dict[str, Any] = field(default_factory=dict)
    cards: list[dict[str, Any]] = field(default_factory=list)
    submissions: list[list[dict[str, Any]]] = field(default_factory=list)
    waits: list[dict[str, Any]] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    unpublished: int = -1

    @property
    def correlation_id(self) -> str:
        """Name the work that the point kills."""
        return f"agent-{self.round_number}-{self.point}"


@pytest.fixture(scope="module")
def stories(stack: Stack) -> dict[str, Story]:
    """Let all of it happen; return the stories by point. One whose point was not reached is told anew."""
    told: dict[str, Story] = {}
    for round_number in range(1, ROUNDS + 1):
        points = [point for point in POINTS if point not in told or not told[point].fired]
        if not points:
            break
        fresh = [Story(point, round_number) for point in points]
        asyncio.run(_tell(stack, fresh))
        told |= {story.point: story for story in fresh}
    return told


async def _tell(stack: Stack, told: list[Story]) -> None:
    async with signed_in(stack, stack.token(PATHS, "alice")) as alice:
        Path(stack.crash_points_file).write_text(json.dumps({s.point: s.correlation_id for s in told}))
        for story in told:
            await _begin(alice, stack, story)
        gossip = asyncio.create_task(_tell_thrice(stack))
        await _go_on(stack, told)
        gossip.cancel()
    await _examine(stack, told)


async def _begin(alice: User, stack: Stack, story: Story) -> None:
    project = await alice.call("POST", "/api/projects", {"name": story.point}, expect=201)
    story.project_id = project["id"]
    headers = {"authorization": f"Bearer {alice.token}", "x-correlation-id": story.correlation_id}
    async with get_client(url=stack.agents, headers=headers) as client:
        thread = await client.threads.create(metadata={"project_id": story.project_id})
        story.thread_id = thread["thread_id"]
        run = await client.runs.create(story.thread_id, "production", input={"brief": BRIEF})
        story.run_id = run["run_id"]


async def _tell_thrice(stack: Stack) -> None:
    """Put every end of a job on the bus twice more, in any order, soon after it happened."""
    bus, dice, seen = ministack.client("events", stack.aws_endpoint_url), random.Random(11), set()
    with psycopg.connect(stack.database_url, autocommit=True, row_factory=dict_row) as db:
        while True:
            rows = db.execute(
                "SELECT * FROM events WHERE topic = 'job.status.updated'"
                " AND payload->>'status' IN ('completed', 'failed', 'cancelled')"
            ).fetchall()
            again = [row for row in rows if row["id"] not in seen] * 2
            seen |= {row["id"] for row in rows}
            dice.shuffle(again)
            for row in again:
                event = EventRow.model_validate(row).as_event()
                entry = {
                    "Source": SOURCE,
                    "DetailType": event.topic,
                    "Detail": event.model_dump_json(),
                    "EventBusName": stack.event_bus,
                }
                await asyncio.to_thread(bus.put_events, Entries=[entry])
            await asyncio.sleep(0.5)


async def _go_on(stack: Stack, told: list[Story]) -> None:
    """Let the sweeps run and time pass until every run has ended and every event is published."""
    functions, names = (
        ministack.client("lambda", stack.aws_endpoint_url),
        deployment.function_names(stack.aws_endpoint_url),
    )
    ours = [UUID(story.run_id) for story in told]
    give_up_at = time.monotonic() + SECONDS
    with psycopg.connect(stack.database_url, autocommit=True) as db:
        while time.monotonic() < give_up_at:
            db.execute(MAKE_TIME_PASS)
            for function in ("sweep_jobs", "relay_events"):
                await asyncio.to_thread(functions.invoke, FunctionName=names[function], Payload=b"{}")
            live = db.execute(
                "SELECT (SELECT count(*) FROM agent_runs WHERE id = ANY(%s) AND ended_at IS NULL)"
                " + (SELECT count(*) FROM events WHERE published_at IS NULL)",
                (ours,),
            ).fetchone()
            if live == (0,):
                return
            await asyncio.sleep(1)


async def _examine(stack: Stack, told: list[Story]) -> None:
    folder = Path(stack.crash_points_file)
    headers = {"authorization": f"Bearer {stack.generator_token}"}
    async with httpx.AsyncClient(base_url=stack.generator_url, headers=headers) as control:
        with psycopg.connect(stack.database_url, autocommit=True, row_factory=dict_row) as db:
            for story in told:
                story.fired = folder.with_name(f"{folder.name}.{story.point}.fired").exists()
                story.run = db.execute("SELECT * FROM agent_runs WHERE id = %s", (story.run_id,)).fetchone() or {}
                story.cards = db.execute(
                    "SELECT c.title, a.id AS asset FROM task_cards c LEFT JOIN approved_assets a ON a.card_id = c.id"
                    " WHERE c.project_id = %s ORDER BY c.position",
                    (story.project_id,),
                ).fetchall()
                jobs = db.execute("SELECT id FROM generation_jobs WHERE project_id = %s", (story.project_id,))
                for job in jobs.fetchall():
                    found = await control.get("/control/predictions", params={"webhook_contains": str(job["id"])})
                    story.submissions.append(found.json()["results"])
                story.waits = db.execute("SELECT * FROM agent_waits WHERE run_id = %s", (story.run_id,)).fetchall()
                events = db.execute(
                    "SELECT * FROM events WHERE context_id = %s ORDER BY context_offset", (story.project_id,)
                ).fetchall()
                story.told = [event["payload"] for event in events if event["topic"] == "agent.run.updated"]
                story.offsets = [event["context_offset"] for event in events]
                story.unpublished = sum(event["published_at"] is None for event in events)


@pytest.mark.timeout(420)
@pytest.mark.parametrize("point", POINTS)
def test_a_run_killed_at_any_boundary_ends_with_the_board_that_was_planned(
    stories: dict[str, Story], point: str
) -> None:
    story = stories[point]

    assert story.fired, "the point was never reached"
    assert story.run["status"] == "success", story.run
    assert [card["title"] for card in story.cards] == ["The lamp", "The window"]
    assert all(card["asset"] for card in story.cards)


@pytest.mark.parametrize("point", POINTS)
def test_each_job_of_a_killed_run_was_submitted_once(stories: dict[str, Story], point: str) -> None:
    assert [len(submissions) for submissions in stories[point].submissions] == [1] * JOBS


@pytest.mark.parametrize("point", POINTS)
def test_each_set_of_a_killed_run_was_woken_and_resumed_once(stories: dict[str, Story], point: str) -> None:
    story = stories[point]
    moves = [(told["status"], told["waiting_for"]) for told in story.told]
    # A run that was killed for long enough finds its jobs ended, and has nothing to sleep for.
    slept = [("running", "jobs"), ("running", None)] if story.waits else []

    assert [wait["woken_by"] for wait in story.waits] in (["jobs"], [])
    assert all(wait["resumed_at"] for wait in story.waits)
    assert moves == [("pending", None), ("running", None), *slept, ("success", None)]


def test_some_killed_runs_did_sleep(stories: dict[str, Story]) -> None:
    assert sum(bool(story.waits) for story in stories.values()) >= len(POINTS) // 2


@pytest.mark.parametrize("point", POINTS)
def test_followers_of_a_killed_run_miss_nothing(stories: dict[str, Story], point: str) -> None:
    story = stories[point]

    assert story.offsets == list(range(1, len(story.offsets) + 1))
    assert story.unpublished == 0


def test_connections_killed_between_the_steps_of_a_run_cost_nothing(stack: Stack) -> None:
    async def run_while_killing() -> tuple[str, int]:
        async with signed_in(stack, stack.token(PATHS, "alice")) as alice:
            story = Story("none", 0)
            await _begin(alice, stack, story)
            owner = stack.database_url.replace("callboard_app@", "postgres@")
            with psycopg.connect(owner, autocommit=True) as admin:
                for _ in range(40):
                    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE 'callboard%'"
                    admin.execute(kill + " AND state = 'idle'")
                    run = await _run_of(alice, story)
                    if run["status"] not in {"pending", "running"}:
                        break
                    await asyncio.sleep(1)
            assets = await alice.call("GET", f"/api/projects/{story.project_id}/assets")
            return run["status"], len(assets["items"])

    assert asyncio.run(run_while_killing()) == ("success", CARDS)


async def _run_of(alice: User, story: Story) -> dict[str, Any]:
    run: dict[str, Any] = await alice.call("GET", f"/agents/threads/{story.thread_id}/runs/{story.run_id}")
    return run
