"""Agents that live elsewhere: machine users who find the job service by name and work with its client."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest

from callboard.connections.client import LiveStream
from callboard.jobs.client import JobQueueClient, JobQueueRefusedError, JobWaitTimeoutError
from callboard.jobs.models import AcceptedJob, JobView, NewJob
from callboard.tokens import MachineTokens
from callboard_local import identities
from callboard_local.paths import PROJECT
from callboard_local.stack import Stack
from support.stack import User

QUICK = {"prompt": "A lighthouse at night", "simulate": {"duration": 0.1}}
LONG = {"prompt": "A lighthouse at night", "simulate": {"duration": 60}}
REFUSED = {"prompt": "A lighthouse at night", "simulate": {"outcome": "refuse"}}


def new_machine(stack: Stack, tenant: str) -> MachineTokens:
    name = f"machine-{uuid4()}"
    identities.create_machine(stack.aws_endpoint_url, stack.user_pool_id, name, tenant)
    return MachineTokens(stack.user_pool_client_id, name)


@pytest.fixture
async def jobs(stack: Stack, elsewhere: None) -> AsyncIterator[JobQueueClient]:
    """A machine of alice's tenant."""
    async with JobQueueClient(new_machine(stack, "alice"), namespace=stack.stack_name) as client:
        yield client


async def test_a_machine_creates_a_job_and_waits_for_its_picture(jobs: JobQueueClient, alice: User) -> None:
    card = await alice.make_card()

    accepted = await jobs.create(card["id"], QUICK, priority=5)
    job = await jobs.wait(accepted.job_id, timeout=60)
    async with httpx.AsyncClient() as anyone:
        picture = await anyone.get(job.result_url or "")

    assert isinstance(accepted, AcceptedJob)
    assert (job.status, job.priority) == ("completed", 5)
    assert picture.content.startswith(b"\x89PNG")
    assert (await alice.call("GET", f"/api/jobs/{job.job_id}"))["status"] == "completed"


async def test_a_creation_that_may_wait_returns_the_ended_job(jobs: JobQueueClient, alice: User) -> None:
    card = await alice.make_card()

    job = await jobs.create(card["id"], QUICK, wait=20)

    assert isinstance(job, JobView)
    assert job.status == "completed"


async def test_a_name_given_to_a_job_makes_it_once(jobs: JobQueueClient, alice: User) -> None:
    card = await alice.make_card()

    made = await asyncio.gather(*(jobs.create(card["id"], QUICK, idempotency_key=card["id"]) for _ in range(3)))

    assert len({job.job_id for job in made}) == 1
    assert [job.job_id async for job in jobs.list(card_id=card["id"])] == [made[0].job_id]


async def test_a_batch_is_waited_for_in_part_and_as_a_whole(jobs: JobQueueClient, alice: User) -> None:
    card = await alice.make_card()
    made = await jobs.create_batch([NewJob(card_id=card["id"], params=params) for params in (LONG, QUICK, QUICK)])
    long, *quick = [job.job_id for job in made]

    first = await jobs.wait_all([long, *quick], mode="any", timeout=60)
    two = await jobs.wait_all([long, *quick], mode=2, timeout=60)
    with pytest.raises(JobWaitTimeoutError) as caught:
        await jobs.wait_all([long, *quick], timeout=1)
    await jobs.cancel(long)
    ended = await jobs.wait_all([long, *quick], timeout=60)

    assert long not in first
    assert set(two) == set(quick)
    assert set(caught.value.jobs) == {long, *quick}
    assert [job.status for job in ended.values()] == ["cancelled", "completed", "completed"]
    listed = [job.job_id async for job in jobs.list(card_id=card["id"], page_size=2)]
    assert sorted(listed) == sorted([long, *quick])


async def test_a_job_that_is_held_back_is_explained_and_cancelled(jobs: JobQueueClient, alice: User) -> None:
    card = await alice.make_card()
    (job,) = await jobs.create_batch(
        [NewJob(card_id=card["id"], params=QUICK, run_after="2099-01-01T00:00:00Z", deadline_seconds=600)]
    )

    explained = await jobs.explain(job.job_id)
    cancelled = await jobs.cancel(job.job_id)

    assert (explained.waiting, explained.reasons[0].code) == (True, "run_after")
    assert cancelled.status == "cancelled"


async def test_a_failed_job_is_retried_as_a_new_one(jobs: JobQueueClient, alice: User) -> None:
    card = await alice.make_card()
    failed = await jobs.wait((await jobs.create(card["id"], REFUSED)).job_id, timeout=60)

    again = await jobs.retry(failed.job_id)

    assert (failed.status, failed.error_code) == ("failed", "content_policy")
    assert again.retry_of == failed.job_id != again.job_id
    assert (await jobs.wait(again.job_id, timeout=60)).status == "failed"


async def test_a_machine_of_another_tenant_sees_nothing(jobs: JobQueueClient, stack: Stack, alice: User) -> None:
    card = await alice.make_card()
    job_id = (await jobs.create(card["id"], QUICK)).job_id

    async with JobQueueClient(new_machine(stack, "bob"), namespace=stack.stack_name) as others:
        for ask in (others.get, others.cancel, others.retry, others.explain):
            with pytest.raises(JobQueueRefusedError) as caught:
                await ask(job_id)
            assert (caught.value.status, caught.value.code) == (404, "JOB_NOT_FOUND")
        with pytest.raises(JobQueueRefusedError, match="CARD_NOT_FOUND"):
            await others.create(card["id"], QUICK)
        assert [job async for job in others.list()] == []


async def test_what_is_not_valid_is_told_with_the_field(jobs: JobQueueClient, alice: User) -> None:
    card = await alice.make_card()

    with pytest.raises(JobQueueRefusedError) as caught:
        await jobs.create(card["id"], QUICK, priority=1000)

    assert (caught.value.status, caught.value.code) == (422, "VALIDATION_ERROR")
    assert [fault["field"] for fault in caught.value.details["fields"]] == ["priority"]
    assert caught.value.request_id


async def test_a_token_that_is_no_good_is_replaced(stack: Stack, elsewhere: None) -> None:
    async def source() -> str:
        tried.append("")
        return "not a token" if len(tried) == 1 else await good()

    good = new_machine(stack, "alice")
    tried: list[str] = []

    async with JobQueueClient(source, stack.http) as jobs:
        with pytest.raises(JobQueueRefusedError, match="JOB_NOT_FOUND"):
            await jobs.get(uuid4())

    assert len(tried) == 2


async def test_the_documented_program_works(stack: Stack, elsewhere: None, alice: User) -> None:
    card = await alice.make_card()
    identities.create_machine(stack.aws_endpoint_url, stack.user_pool_id, "planner", "alice")
    text = (PROJECT / "docs" / "job-client.md").read_text()
    program = text.partition("```python\n")[2].partition("```")[0]

    run = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", program, card["id"]),
        env={**os.environ, "STACK_NAME": stack.stack_name, "USER_POOL_CLIENT_ID": stack.user_pool_client_id},
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await run.communicate()

    assert run.returncode == 0
    assert printed.decode().split()[1:2] == ["completed"]


async def test_a_machine_follows_a_card_live(stack: Stack, elsewhere: None, alice: User) -> None:
    card = await alice.make_card()

    async with LiveStream(stack.http, new_machine(stack, "alice")) as stream:
        assert await stream.follow(card["id"]) >= 0
