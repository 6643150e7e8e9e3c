"""Bedrock's asynchronous invocations: what is sent, and what is made of each answer. Stubs check both."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from botocore.stub import Stubber

from callboard import aws, storage
from callboard.errors import ServiceUnavailableError
from callboard.providers.bedrock import BedrockClient, model_input
from callboard.providers.errors import (
    AttemptForgottenError,
    ContentRefusedError,
    InvalidParamsError,
    OutputUnavailableError,
    ProviderError,
    ProviderFailedError,
    ProviderPausedError,
    SubmissionRejectedError,
    SubmissionUnknownError,
)
from callboard.providers.models import BedrockProvider, Submission

JOB = UUID("01973f3e-8c00-7a10-8000-000000000004")
MODEL = "amazon.nova-reel-v1:1"
ARN = "arn:aws:bedrock:us-east-1:123456789012:async-invoke/abcdef123456"
FOLDER = "s3://videos/generated"
NOW = datetime(2026, 11, 25, tzinfo=UTC)
FILTERED = "This request has been blocked by our content filters: it may conflict with the Responsible AI Policy."


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> BedrockClient:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    aws.bedrock_media.cache_clear()
    provider = BedrockProvider(name="video", kind="bedrock", model_id=MODEL, region="us-east-1", output_bucket="videos")
    return BedrockClient(provider)


@pytest.fixture
def stub(client: BedrockClient) -> Iterator[Stubber]:
    with Stubber(aws.bedrock_media("us-east-1")) as stubbed:
        yield stubbed
        stubbed.assert_no_pending_responses()


def submission(attempt: int = 1, **params: Any) -> Submission:
    return Submission(
        job_id=JOB,
        attempt=attempt,
        params={"prompt": "A lamp"} | params,
        callback_url="https://x.example/api/callbacks/video",
        seconds_left=600,
        correlation_id="c",
    )


def invocation(status: str, **more: Any) -> dict[str, Any]:
    return {
        "invocationArn": ARN,
        "modelArn": f"arn:aws:bedrock:us-east-1::foundation-model/{MODEL}",
        "clientRequestToken": f"{JOB}-1",
        "status": status,
        "submitTime": NOW,
        "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": f"{FOLDER}/"}},
    } | more


def test_an_attempt_is_started_with_a_token_of_its_own_and_known_by_its_arn(
    client: BedrockClient, stub: Stubber
) -> None:
    expected = {
        "clientRequestToken": f"{JOB}-2",
        "modelId": MODEL,
        "modelInput": {
            "taskType": "TEXT_VIDEO",
            "textToVideoParams": {"text": "A lamp"},
            "videoGenerationConfig": {"durationSeconds": 6, "fps": 24, "dimension": "1280x720", "seed": 7},
        },
        "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": f"{FOLDER}/"}},
    }
    stub.add_response("start_async_invoke", {"invocationArn": ARN}, expected)

    assert client.create(submission(attempt=2, seed=7)) == ARN


@pytest.mark.parametrize(
    ("model_id", "params"),
    [
        ("luma.ray-v2:0", {"prompt": "A lamp", "aspect_ratio": "16:9"}),
        (MODEL, {"taskType": "MULTI_SHOT_AUTOMATED", "multiShotAutomatedParams": {"text": "A lamp"}}),
    ],
)
def test_what_a_model_takes_as_it_is_stays_as_it_is(model_id: str, params: dict[str, Any]) -> None:
    assert model_input(model_id, params) == params


@pytest.mark.parametrize(
    ("code", "message", "error"),
    [
        ("ThrottlingException", "Too many requests", ProviderPausedError),
        ("ServiceQuotaExceededException", "Too many invocations", ProviderPausedError),
        ("ServiceUnavailableException", "Later", ProviderPausedError),
        ("InternalServerException", "Oops", ProviderFailedError),
        ("ValidationException", "durationSeconds must be 6", InvalidParamsError),
        ("ValidationException", FILTERED, ContentRefusedError),
        ("AccessDeniedException", "arn:aws:iam::123456789012:role/x", SubmissionRejectedError),
        ("ResourceNotFoundException", "No such model", SubmissionRejectedError),
        ("ConflictException", "Another input for this token", SubmissionRejectedError),
    ],
)
def test_each_refusal_says_what_becomes_of_the_job(
    client: BedrockClient, stub: Stubber, code: str, message: str, error: type[ProviderError]
) -> None:
    stub.add_client_error("start_async_invoke", code, message)

    with pytest.raises(error) as raised:
        client.create(submission())

    assert type(raised.value) is error
    assert "123456789012" not in str(raised.value)


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (ConnectTimeoutError(endpoint_url="https://x"), ProviderPausedError),
        (ReadTimeoutError(endpoint_url="https://x"), SubmissionUnknownError),
    ],
)
def test_an_answer_that_never_came_leaves_the_attempt_unknown_unless_nobody_was_reached(
    client: BedrockClient, monkeypatch: pytest.MonkeyPatch, failure: Exception, error: type[ProviderError]
) -> None:
    def fail(**_: Any) -> None:
        raise failure

    monkeypatch.setattr(aws.bedrock_media("us-east-1"), "start_async_invoke", fail)

    with pytest.raises(error):
        client.create(submission())


def observe(client: BedrockClient, stub: Stubber, answer: dict[str, Any]) -> Any:
    stub.add_response("get_async_invoke", answer, {"invocationArn": ARN})
    return client.get(ARN)


def test_an_invocation_that_goes_on_is_running(client: BedrockClient, stub: Stubber) -> None:
    assert observe(client, stub, invocation("InProgress")).state == "running"


@pytest.mark.parametrize("uri", [FOLDER, f"{FOLDER}/", f"{FOLDER}/abcdef123456", f"{FOLDER}/abcdef123456/"])
def test_an_invocation_that_is_complete_says_where_its_output_is(
    client: BedrockClient, stub: Stubber, uri: str
) -> None:
    answer = invocation("Completed", outputDataConfig={"s3OutputDataConfig": {"s3Uri": uri}})

    seen = observe(client, stub, answer)

    assert (seen.state, seen.output_url) == ("succeeded", f"{FOLDER}/abcdef123456/output.mp4")


@pytest.mark.parametrize(
    ("message", "code"),
    [(FILTERED, "content_policy"), ("The input is invalid.", "invalid_input"), (None, "provider_unavailable")],
)
def test_a_failed_invocation_tells_moderation_from_other_failures(
    client: BedrockClient, stub: Stubber, message: str | None, code: str
) -> None:
    seen = observe(client, stub, invocation("Failed", **({"failureMessage": message} if message else {})))

    assert (seen.state, seen.error_code) == ("failed", code)
    assert seen.error_message


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ResourceNotFoundException", AttemptForgottenError),
        ("ThrottlingException", ProviderFailedError),
        ("ValidationException", ProviderFailedError),
    ],
)
def test_asking_in_vain_submits_nothing_and_burns_nothing(
    client: BedrockClient, stub: Stubber, code: str, error: type[ProviderError]
) -> None:
    stub.add_client_error("get_async_invoke", code)

    with pytest.raises(error):
        client.get(ARN)


def test_bedrock_cancels_nothing(client: BedrockClient) -> None:
    assert client.cancel(ARN) is False


def listed(stub: Stubber, *tokens: str, following: str | None = None) -> None:
    summaries = [invocation("InProgress", clientRequestToken=token) for token in tokens]
    answer = {"asyncInvokeSummaries": summaries} | ({"nextToken": following} if following else {})
    stub.add_response("list_async_invokes", answer)


def test_a_lost_submission_is_found_by_its_token_on_whatever_page(client: BedrockClient, stub: Stubber) -> None:
    listed(stub, "other", f"{JOB}-2", following="more")
    listed(stub, f"{JOB}-1")

    assert client.find(JOB, 1, "") == ARN


def test_a_submission_that_bedrock_does_not_list_is_not_found(client: BedrockClient, stub: Stubber) -> None:
    listed(stub, "other")

    assert client.find(JOB, 1, "") is None


def test_a_listing_that_cannot_be_read_says_nothing_of_the_submission(client: BedrockClient, stub: Stubber) -> None:
    stub.add_client_error("list_async_invokes", "ThrottlingException", expected_params=None)

    with pytest.raises(ProviderFailedError):
        client.find(JOB, 1, "")


def test_an_output_is_read_from_the_bucket_that_bedrock_was_given(
    client: BedrockClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def read(key: str, max_bytes: int, *, bucket: str) -> bytes:
        asked.append((bucket, key))
        return b"video"

    monkeypatch.setattr(storage, "read", read)

    output = client.fetch(f"{FOLDER}/abcdef123456/output.mp4")

    assert (output.content, output.media_type, output.extension) == (b"video", "video/mp4", ".mp4")
    assert asked == [("videos", "generated/abcdef123456/output.mp4")]


@pytest.mark.parametrize("content", [None, b""])
def test_an_output_that_is_missing_is_looked_for_again(
    client: BedrockClient, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    monkeypatch.setattr(storage, "read", lambda *_, **__: content)

    with pytest.raises(OutputUnavailableError) as raised:
        client.fetch(f"{FOLDER}/abcdef123456/output.mp4")

    assert not raised.value.permanent


def test_a_bucket_that_does_not_answer_is_asked_again(client: BedrockClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(*_: Any, **__: Any) -> None:
        raise ServiceUnavailableError

    monkeypatch.setattr(storage, "read", unavailable)

    with pytest.raises(OutputUnavailableError) as raised:
        client.fetch(f"{FOLDER}/abcdef123456/output.mp4")

    assert not raised.value.permanent


def test_an_output_in_another_bucket_is_not_read(client: BedrockClient) -> None:
    with pytest.raises(OutputUnavailableError) as raised:
        client.fetch("s3://secrets/generated/abcdef123456/output.mp4")

    assert raised.value.permanent
