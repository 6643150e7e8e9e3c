"""Models that Bedrock invokes asynchronously, such as those that make video: their output lands in a bucket.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_StartAsyncInvoke.html
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from callboard import aws, storage
from callboard.errors import ServiceUnavailableError
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
from callboard.providers.models import BedrockProvider, Observation, Submission
from callboard.providers.outputs import MAX_BYTES, Output
from callboard.providers.refusals import CONTENT_POLICY, MAX_MESSAGE, classify
from callboard.settings import get_settings

# Bedrock makes a folder in it for each invocation, named as the last part of its ARN.
FOLDER = "generated"
# What the models write there; a manifest may stand beside it.
# https://docs.aws.amazon.com/nova/latest/userguide/video-gen-access.html
FILE, MEDIA_TYPE = "output.mp4", "video/mp4"
# Listings are newest first; a lost submission is looked for soon after it happened.
LISTED = timedelta(hours=24)
PAGE, PAGES_SEARCHED = 1000, 3

BUSY = frozenset({"ThrottlingException", "ServiceUnavailableException", "ServiceQuotaExceededException"})
FAILED = frozenset({"InternalServerException"})
NOT_FOUND = "ResourceNotFoundException"


class BedrockClient:
    """A client of one model.

    A submission carries a token made of job and attempt: Bedrock starts the same attempt once, however often it is
    handed over.
    """

    def __init__(self, provider: BedrockProvider) -> None:
        self._model_id = provider.model_id
        self._bucket = provider.output_bucket or get_settings().assets_bucket
        self._client = aws.bedrock_media(provider.region or "")

    def create(self, submission: Submission) -> str:
        """Start an invocation; its ARN is the service's id."""
        try:
            answer = self._client.start_async_invoke(
                clientRequestToken=_token(submission.job_id, submission.attempt),
                modelId=self._model_id,
                modelInput=model_input(self._model_id, submission.params),
                outputDataConfig={"s3OutputDataConfig": {"s3Uri": f"s3://{self._bucket}/{FOLDER}/"}},
            )
        except aws.failures() as error:
            raise _error_of(error) from error
        return str(answer["invocationArn"])

    def get(self, provider_job_id: str) -> Observation | None:
        """Read an invocation."""
        try:
            answer = self._client.get_async_invoke(invocationArn=provider_job_id)
        except aws.failures() as error:
            if aws.error_of(error)[0] == NOT_FOUND:
                raise AttemptForgottenError("Bedrock does not know the invocation any more.") from error
            # Nothing is submitted by asking: whatever it is passes.
            raise ProviderFailedError(str(_error_of(error))) from error
        match answer["status"]:
            case "InProgress":
                return Observation("running")
            case "Completed":
                return Observation("succeeded", output_url=_output_of(answer))
            case "Failed":
                message = str(answer.get("failureMessage") or "The invocation failed.")[:MAX_MESSAGE]
                return Observation("failed", error_message=message, error_code=classify(message))
            case unknown:
                raise ProviderFailedError(f"Bedrock says a state that is not known: {str(unknown)[:40]}.")

    def cancel(self, provider_job_id: str) -> bool:
        """Return False: Bedrock has no such operation, and what was started is paid for."""
        return False

    def find(self, job_id: UUID, attempt: int, callback_url: str) -> str | None:
        """Search the last day's invocations for the one with the attempt's token."""
        wanted = _token(job_id, attempt)
        pages = self._client.get_paginator("list_async_invokes").paginate(
            submitTimeAfter=datetime.now(UTC) - LISTED,
            sortBy="SubmissionTime",
            sortOrder="Descending",
            PaginationConfig={"PageSize": PAGE, "MaxItems": PAGE * PAGES_SEARCHED},
        )
        try:
            found = (one["invocationArn"] for page in pages for one in page["asyncInvokeSummaries"] if _is(one, wanted))
            return next(found, None)
        except aws.failures() as error:
            raise ProviderFailedError("Bedrock's listing cannot be read.") from error

    def fetch(self, output_url: str) -> Output:
        """Read what the model made from the bucket."""
        bucket, _, key = output_url.removeprefix("s3://").partition("/")
        if bucket != self._bucket:
            raise OutputUnavailableError("The output is in another bucket than it should be.", permanent=True)
        try:
            content = storage.read(key, MAX_BYTES, bucket=bucket)
        except ServiceUnavailableError as error:
            raise OutputUnavailableError("The output's bucket does not answer.") from error
        if not content:
            raise OutputUnavailableError(f"The output is missing, empty or larger than {MAX_BYTES} bytes.")
        return Output(content, MEDIA_TYPE, hashlib.sha256(content).digest())


def model_input(model_id: str, params: dict[str, Any]) -> dict[str, Any]:
    """Return what a model takes for a job's params.

    `prompt` and whatever else the model knows, as it names them. Nova Reel wants its own form, in which `prompt` is the
    text and the rest the configuration; who needs more of it gives `taskType` and all that goes with it.
    https://docs.aws.amazon.com/nova/latest/userguide/video-gen-access.html
    """
    if "amazon.nova-reel" not in model_id or "taskType" in params:
        return params
    rest = {name: value for name, value in params.items() if name != "prompt"}
    return {
        "taskType": "TEXT_VIDEO",
        "textToVideoParams": {"text": params.get("prompt", "")},
        "videoGenerationConfig": {"durationSeconds": 6, "fps": 24, "dimension": "1280x720"} | rest,
    }


def _token(job_id: UUID, attempt: int) -> str:
    return f"{job_id}-{attempt}"


def _is(invocation: Mapping[str, Any], token: str) -> bool:
    return invocation.get("clientRequestToken") == token


def _output_of(answer: Mapping[str, Any]) -> str:
    folder = str(answer["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"]).rstrip("/")
    invocation = str(answer["invocationArn"]).rpartition("/")[2]
    # Bedrock may name the folder that it was given, or the one that it made in it.
    return f"{folder}/{FILE}" if folder.endswith(f"/{invocation}") else f"{folder}/{invocation}/{FILE}"


def _error_of(error: Exception) -> ProviderError:
    code, message = aws.error_of(error)
    message = message[:MAX_MESSAGE]
    if code is None:
        return (
            ProviderPausedError("Bedrock cannot be reached.")
            if isinstance(error, aws.unreached())
            else SubmissionUnknownError("Bedrock broke off without an answer.")
        )
    if code in BUSY:
        return ProviderPausedError(message)
    if code in FAILED:
        return ProviderFailedError(message)
    if code == "ValidationException":
        return ContentRefusedError(message) if CONTENT_POLICY.search(message) else InvalidParamsError(message)
    return SubmissionRejectedError(f"Bedrock refused: {code}.")
