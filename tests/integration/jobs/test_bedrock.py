"""Jobs of a model that Bedrock invokes asynchronously, on their whole way."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import boto3
import psycopg
import pytest
from botocore.stub import Stubber

from callboard import aws
from callboard.database import Database
from support.aws import FakeCloud
from support.board import make_board
from support.lambdas import call_http
from support.rows import insert_provider
from support.service import FakeService
from update_job_status.handler import lambda_handler as update_job_status

from .conftest import Studio

MODEL = "luma.ray-v2:0"
ARN = "arn:aws:bedrock:us-east-1:123456789012:async-invoke/abcdef123456"
BEDROCK: dict[str, Any] = {
    "kind": "bedrock",
    "base_url": None,
    "token_secret": None,
    "webhook_secret": None,
    "model_id": MODEL,
}


@pytest.fixture
def studio(db: Database, cloud: FakeCloud, service: FakeService) -> Studio:
    insert_provider(db, "video", **BEDROCK)
    return Studio(db, cloud, make_board(db), service)


@pytest.fixture
def bedrock(cloud: FakeCloud) -> Iterator[Stubber]:
    aws.bedrock_media.cache_clear()
    with Stubber(aws.bedrock_media("")) as stub:
        yield stub
        stub.assert_no_pending_responses()


def invocation(studio: Studio, job_id: UUID, status: str, **more: Any) -> dict[str, Any]:
    folder = f"s3://{studio.cloud.assets_bucket}/generated/"
    return {
        "invocationArn": ARN,
        "modelArn": f"arn:aws:bedrock:us-east-1::foundation-model/{MODEL}",
        "clientRequestToken": f"{job_id}-1",
        "status": status,
        "submitTime": datetime(2026, 11, 25, tzinfo=UTC),
        "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": folder}},
    } | more


def submitted(studio: Studio, bedrock: Stubber) -> UUID:
    job_id = studio.create(provider="video")
    bedrock.add_response("start_async_invoke", {"invocationArn": ARN})
    studio.submit()
    return job_id


def test_what_the_model_made_becomes_the_output_of_the_job(studio: Studio, bedrock: Stubber) -> None:
    job_id = submitted(studio, bedrock)
    bedrock.add_response("get_async_invoke", invocation(studio, job_id, "InProgress"))
    studio.check()
    assert studio.job(job_id)["status"] == "processing"
    s3 = boto3.client("s3")
    s3.put_object(Bucket=studio.cloud.assets_bucket, Key="generated/abcdef123456/output.mp4", Body=b"video")
    bedrock.add_response("get_async_invoke", invocation(studio, job_id, "Completed"))

    studio.check()

    job = studio.job(job_id)
    assert (job["status"], job["media_type"]) == ("completed", "video/mp4")
    assert job["result_url"] == f"outputs/alice/{studio.board.project_id}/{job_id}/1.mp4"
    stored = s3.get_object(Bucket=studio.cloud.assets_bucket, Key=job["result_url"])
    assert stored["Body"].read() == b"video"


def test_a_moderated_job_fails_without_another_attempt(studio: Studio, bedrock: Stubber) -> None:
    job_id = submitted(studio, bedrock)
    message = "The generated video has been blocked by our content filters."
    bedrock.add_response("get_async_invoke", invocation(studio, job_id, "Failed", failureMessage=message))

    studio.check()

    job = studio.job(job_id)
    assert (job["status"], job["error_code"], job["error_message"]) == ("failed", "content_policy", message)
    assert job["attempt"] == 1


def test_a_running_job_is_cancelled_at_once_because_bedrock_cannot_be_asked_to(
    studio: Studio, bedrock: Stubber
) -> None:
    job_id = submitted(studio, bedrock)
    assert studio.request("POST", f"/api/jobs/{job_id}/cancel").status == 202
    bedrock.add_response("get_async_invoke", invocation(studio, job_id, "InProgress"))

    studio.check()

    assert studio.job(job_id)["status"] == "cancelled"


def test_a_submission_whose_answer_was_lost_is_found_by_its_token(studio: Studio, bedrock: Stubber) -> None:
    job_id = studio.create(provider="video")
    studio.db.execute("UPDATE generation_jobs SET status = 'processing', attempt = 1, started_at = now()")
    studio.db.execute(
        "INSERT INTO job_attempts (job_id, attempt, provider, state, lease_until)"
        " VALUES (%s, 1, 'video', 'unknown', now() - interval '1 hour')",
        (job_id,),
    )
    bedrock.add_response("list_async_invokes", {"asyncInvokeSummaries": [invocation(studio, job_id, "InProgress")]})

    studio.sweep()

    attempt = studio.attempt(job_id)
    assert (attempt["state"], attempt["provider_job_id"]) == ("submitted", ARN)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/callbacks/video", {"id": ARN}),
        ("/api/jobs/{job_id}/status", {"status": "failed", "error_message": "No."}),
    ],
)
def test_nobody_can_report_for_bedrock(studio: Studio, bedrock: Stubber, path: str, body: dict[str, str]) -> None:
    job_id = submitted(studio, bedrock)
    headers = {
        "webhook-id": "1",
        "webhook-timestamp": "1",
        "webhook-signature": "v1,x",
        "content-type": "application/json",
    }

    answer = call_http(
        update_job_status,
        "POST",
        path.format(job_id=job_id),
        body=body,
        headers=headers,
        query={"job_id": str(job_id), "attempt": "1"},
        claims=None,
    )

    assert answer.status == 404
    assert studio.job(job_id)["status"] == "processing"


@pytest.mark.parametrize(
    "columns",
    [BEDROCK | {"model_id": None}, {"base_url": None}, {"token_secret": None}, {"kind": "other"}],
    ids=["model", "url", "token", "kind"],
)
def test_a_provider_that_lacks_what_its_kind_needs_is_not_stored(db: Database, columns: dict[str, Any]) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        insert_provider(db, "other", **columns)
