"""A job of a model that Bedrock invokes asynchronously, through the emulator's Bedrock."""

import asyncio
from collections.abc import Iterator

import psycopg
import pytest

from callboard_local import ministack
from callboard_local.stack import Stack
from support.stack import User

# The emulator ends an invocation at once and writes nothing into the bucket: the test does that in its place.
VIDEO = b"\x00\x00\x00\x18ftypmp42 what a model would have made"


@pytest.fixture
def provider(stack: Stack) -> Iterator[str]:
    """Add a provider to the running stack, as a deployment would."""
    with psycopg.connect(stack.database_url, autocommit=True) as db:
        db.execute(
            "INSERT INTO providers (name, kind, model_id) VALUES ('video', 'bedrock', 'amazon.nova-reel-v1:1')"
            " ON CONFLICT (name) DO UPDATE SET enabled = true"
        )
        yield "video"
        db.execute("UPDATE providers SET enabled = false WHERE name = 'video'")


async def invocation_of(stack: Stack, job_id: str) -> str:
    """Return the id of the invocation that a job's attempt started."""
    client = ministack.client("bedrock-runtime", stack.aws_endpoint_url)
    while True:
        listed = await asyncio.to_thread(client.list_async_invokes)
        for one in listed["asyncInvokeSummaries"]:
            if one["clientRequestToken"] == f"{job_id}-1":
                return str(one["invocationArn"]).rpartition("/")[2]
        await asyncio.sleep(0.02)


async def test_a_video_becomes_the_output_of_its_job(alice: User, stack: Stack, provider: str) -> None:
    job_id = await alice.create_job(await alice.make_card(), provider=provider, params={"prompt": "A lamp goes on"})

    async with asyncio.timeout(20):
        invocation = await invocation_of(stack, job_id)
    bucket = stack.assets_bucket
    key = f"generated/{invocation}/output.mp4"
    s3 = ministack.client("s3", stack.aws_endpoint_url)
    await asyncio.to_thread(s3.put_object, Bucket=bucket, Key=key, Body=VIDEO)
    job = await alice.ended(job_id)

    assert (job["status"], job["media_type"]) == ("completed", "video/mp4")
