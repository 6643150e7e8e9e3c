"""Killed at each of its boundaries, a job still ends as it should, once, and everyone hears of it.

All points are armed in one run, each for a job of its own; then the system goes on by itself. Waiting is shortened:
leases and ages are moved into the past by SQL, and the sweeps that run every minute run every second.
"""

import asyncio
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

from callboard.connections.client import LiveStream, Update
from callboard_local import deployment, ministack
from callboard_local.stack import Stack
from support.stack import User, signed_in

from .conftest import PATHS

SECONDS = 120.0
# A worker that is killed takes its whole batch with it: apart, each job reaches its own point first.
APART_SECONDS = 1.2

# Where a job on its way from the request to the follower can be cut off.
POINTS = [
    "create_job.before_commit",
    "create_job.after_commit",
    "create_job.after_send",
    "submit_job.after_claim",
    "submit_job.before_publish",
    "submit_job.after_publish",
    "submit_job.before_create",
    "submit_job.after_create",
    "submit_job.after_record",
    "submit_job.after_send",
    "check_job.after_claim",
    "check_job.before_store",
    "check_job.after_store",
    "check_job.after_record",
    "check_job.after_send",
    "check_job.before_publish",
    "check_job.after_publish",
    "notify.before_post",
    "notify.after_post",
]
# Only a report of a push service says whose correlation id it is about.
PUSH_POINTS = ["update_job_status.after_commit", "update_job_status.after_send"]
CANCEL_POINTS = [
    "manage_jobs.after_commit",
    "manage_jobs.after_send",
    "check_job.before_cancel",
    "check_job.after_cancel",
]

EVERY_POINT = [*POINTS, *PUSH_POINTS, *CANCEL_POINTS]
ROUNDS = 3

MAKE_TIME_PASS = """
UPDATE job_attempts SET lease_until = now() - interval '1 s' WHERE lease_until > now() + interval '60 s'
    AND created_at < now() - interval '4 s';
UPDATE job_attempts SET created_at = now() - interval '10 min' WHERE state = 'unknown';
UPDATE job_attempts SET next_check_at = now() - interval '1 min' WHERE state = 'submitted'
    AND next_check_at > now() + interval '20 s' AND submitted_at < now() - interval '6 s';
UPDATE generation_jobs SET run_after = run_after - interval '1 min' WHERE status = 'queued'
    AND created_at < now() - interval '3 s' AND run_after < now() + interval '1 min';
UPDATE events SET created_at = created_at - interval '1 min' WHERE published_at IS NULL
    AND created_at < now() - interval '2 s'
"""


@dataclass
class Story:
    """One job, the point it was killed at, and how it ended."""

    point: str
    round_number: int
    expected: str
    job_id: str = ""
    card: dict[str, Any] = field(default_factory=dict)
    created: bool = False
    fired: bool = False
    job: dict[str, Any] = field(default_factory=dict)
    submissions: list[dict[str, Any]] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    unpublished: int = -1
    heard: list[Update] = field(default_factory=list)

    @property
    def correlation_id(self) -> str:
        """Name the work that the point kills."""
        return f"fault-{self.round_number}-{self.point}"


@pytest.fixture(scope="module")
def stories(stack: Stack) -> dict[str, Story]:
    """Let all of it happen; return the stories by point.

    A job whose worker was killed for another one's sake goes another way than past its own point: it is told anew.
    """
    told: dict[str, Story] = {}
    for round_number in range(1, ROUNDS + 1):
        points = [point for point in EVERY_POINT if point not in told or not told[point].fired]
        if not points:
            break
        fresh = [Story(point, round_number, "cancelled" if point in CANCEL_POINTS else "completed") for point in points]
        asyncio.run(_tell(stack, fresh))
        told |= {story.point: story for story in fresh}
    return told


async def _tell(stack: Stack, told: list[Story]) -> None:
    async with signed_in(stack, stack.token(PATHS, "alice")) as alice:
        project = await alice.call("POST", "/api/projects", {"name": "Faults"}, expect=201)
        activity = await alice.call(
            "POST",
            f"/api/projects/{project['id']}/activities",
            {"title": "Cards", "cards": [{"title": story.point} for story in told]},
            expect=201,
        )
        for story, card in zip(told, activity["cards"], strict=True):
            story.card = card
        async with LiveStream(stack.http, lambda: alice.token) as stream:
            await stream.follow(project["id"])
            listening = asyncio.create_task(_listen(stream, {story.card["id"]: story for story in told}))
            Path(stack.crash_points_file).write_text(json.dumps({s.point: s.correlation_id for s in told}))
            async with asyncio.TaskGroup() as creating:
                for story in told:
                    creating.create_task(_create(alice, story))
                    await asyncio.sleep(APART_SECONDS)
                creating.create_task(_go_on(stack, told))
            await _hear_the_end(stack, told)
            listening.cancel()
    await _examine(stack, told)


async def _hear_the_end(stack: Stack, told: list[Story]) -> None:
    """Wait until the follower has heard all that the log holds, or for so long that something is lost."""
    with psycopg.connect(stack.database_url, autocommit=True) as db:
        for _ in range(100):
            last: dict[str, int] = dict(db.execute("SELECT id::text, last_offset FROM event_contexts").fetchall())
            if all(story.heard and story.heard[-1].offset == last[story.card["id"]] for story in told):
                return
            await asyncio.sleep(0.2)


async def _listen(stream: LiveStream, by_card: dict[str, Story]) -> None:
    async for item in stream:
        if isinstance(item, Update) and item.context_id in by_card:
            by_card[item.context_id].heard.append(item)


async def _create(alice: User, story: Story) -> None:
    """Create the story's job as a careful client does: again with the same key until there is an answer."""
    body: dict[str, Any] = {
        "card_id": story.card["id"],
        "params": {"prompt": "A lamp", "width": 64, "height": 64, "simulate": {"duration": 1.5}},
        "on_unknown": "resubmit",
    }
    if story.point in PUSH_POINTS:
        body["provider"] = "push"
    if story.expected == "cancelled":
        body["params"]["simulate"] = {"duration": 120}
    headers = {"x-correlation-id": story.correlation_id, "idempotency-key": story.correlation_id}
    answer = await _insist(alice, "/api/jobs", body, headers, {200, 202})
    story.job_id = answer["job_id"]
    if story.expected == "cancelled":
        await alice.until(story.job_id, "processing", seconds=60)
        await _insist(alice, f"/api/jobs/{story.job_id}/cancel", None, headers, {200, 202})
    story.created = True


async def _insist(alice: User, path: str, body: Any, headers: dict[str, str], wanted: set[int]) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            try:
                answer = await alice.http.post(path, json=body, headers=headers)
            except httpx.TransportError:
                continue
            if answer.status_code in wanted:
                found: dict[str, Any] = answer.json()
                return found
            assert answer.status_code >= 500, answer.text
            await asyncio.sleep(0.2)


async def _go_on(stack: Stack, told: list[Story]) -> None:
    """Let the sweeps run and time pass until every job has ended and every event is published."""
    functions, names = (
        ministack.client("lambda", stack.aws_endpoint_url),
        deployment.function_names(stack.aws_endpoint_url),
    )
    give_up_at = time.monotonic() + SECONDS
    with psycopg.connect(stack.database_url, autocommit=True) as db:
        while time.monotonic() < give_up_at:
            db.execute(MAKE_TIME_PASS)
            for function in ("sweep_jobs", "relay_events"):
                await asyncio.to_thread(functions.invoke, FunctionName=names[function], Payload=b"{}")
            live = db.execute(
                "SELECT (SELECT count(*) FROM generation_jobs WHERE completed_at IS NULL)"
                " + (SELECT count(*) FROM events WHERE published_at IS NULL)"
            ).fetchone()
            if live == (0,) and all(story.created for story in told):
                return
            await asyncio.sleep(1)


async def _examine(stack: Stack, told: list[Story]) -> None:
    folder = Path(stack.crash_points_file)
    headers = {"authorization": f"Bearer {stack.generator_token}"}
    async with httpx.AsyncClient(base_url=stack.generator_url, headers=headers) as control:
        with psycopg.connect(stack.database_url, autocommit=True, row_factory=dict_row) as db:
            for story in told:
                story.fired = folder.with_name(f"{folder.name}.{story.point}.fired").exists()
                story.job = db.execute("SELECT * FROM generation_jobs WHERE id = %s", (story.job_id,)).fetchone() or {}
                found = await control.get("/control/predictions", params={"webhook_contains": story.job_id})
                story.submissions = found.json()["results"]
                events = db.execute(
                    "SELECT context_offset, published_at FROM events WHERE context_id = %s ORDER BY context_offset",
                    (story.card["id"],),
                ).fetchall()
                story.offsets = [event["context_offset"] for event in events]
                story.unpublished = sum(event["published_at"] is None for event in events)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("point", EVERY_POINT)
def test_a_job_killed_at_any_boundary_ends_once_as_it_should(stories: dict[str, Story], point: str) -> None:
    story = stories[point]

    assert story.fired, "the point was never reached"
    assert story.job["status"] == story.expected, story.job
    assert story.offsets == list(range(1, len(story.offsets) + 1))
    assert story.unpublished == 0


@pytest.mark.parametrize("point", EVERY_POINT)
def test_no_attempt_is_submitted_twice(stories: dict[str, Story], point: str) -> None:
    story = stories[point]
    urls = [submission["webhook"] for submission in story.submissions]

    assert len(urls) == len(set(urls))
    assert len(urls) <= story.job["attempt"]


@pytest.mark.parametrize("point", EVERY_POINT)
def test_the_follower_hears_each_offset_once_in_order_up_to_the_end(stories: dict[str, Story], point: str) -> None:
    story = stories[point]
    heard = [update.offset for update in story.heard]

    assert heard == list(range(heard[0], heard[0] + len(heard)))
    assert heard[-1] == story.offsets[-1]
    assert [update.data.get("status") for update in story.heard].count(story.expected) == 1


def test_a_killed_database_connection_costs_a_retry_and_no_error(stack: Stack) -> None:
    async def read_after_killing() -> list[int]:
        async with signed_in(stack, stack.token(PATHS, "alice")) as alice:
            statuses = []
            for _ in range(5):
                owner = stack.database_url.replace("callboard_app@", "postgres@")
                with psycopg.connect(owner, autocommit=True) as admin:
                    admin.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'callboard_app'"
                    )
                statuses.append((await alice.http.get("/api/jobs")).status_code)
            return statuses

    assert asyncio.run(read_after_killing()) == [200] * 5
