"""Services with Replicate's predictions API (https://replicate.com/docs/reference/http)."""

from typing import Any
from urllib.parse import quote
from uuid import UUID

from callboard.providers import outputs
from callboard.providers.errors import (
    AttemptForgottenError,
    ContentRefusedError,
    InvalidParamsError,
    ProviderError,
    ProviderFailedError,
    ProviderPausedError,
    SubmissionRejectedError,
    SubmissionUnknownError,
)
from callboard.providers.models import HttpProvider, Observation, Submission
from callboard.providers.outputs import Output
from callboard.providers.refusals import CONTENT_POLICY, MAX_MESSAGE, classify
from callboard.providers.transport import Reply, call, retry_after_seconds

# Listings are newest first; a lost submission is looked for soon after it happened.
PAGES_SEARCHED = 3


class ReplicateClient:
    """A client of one service that speaks Replicate's HTTP API."""

    def __init__(self, provider: HttpProvider, token: str) -> None:
        self._provider = provider
        self._base_url = provider.base_url.rstrip("/")
        self._token = token

    def create(self, submission: Submission) -> str:
        """Create a prediction that calls back when it starts and ends, and that the service stops at the deadline."""
        params = dict(submission.params)
        target = {key: params.pop(key) for key in ("version", "model") if isinstance(params.get(key), str)}
        reply = call(
            "POST",
            f"{self._base_url}/v1/predictions",
            token=self._token,
            body=target
            | {
                "input": params,
                "webhook": submission.callback_url,
                "webhook_events_filter": ["start", "completed"],
            },
            headers={
                "cancel-after": f"{max(5, int(submission.seconds_left))}s",
                "x-correlation-id": submission.correlation_id,
            },
        )
        if reply.status in {200, 201, 202} and isinstance(reply.body, dict) and reply.body.get("id"):
            return str(reply.body["id"])
        if reply.status < 300:
            raise SubmissionUnknownError("The service accepted something but did not say what.")
        raise _error_of(reply)

    def get(self, provider_job_id: str) -> Observation | None:
        """Read a prediction."""
        reply = self._call("GET", f"/v1/predictions/{quote(provider_job_id, safe='')}")
        if not isinstance(reply.body, dict):
            raise ProviderFailedError("The service's answer is not JSON.")
        return _observation_of(reply.body)

    def cancel(self, provider_job_id: str) -> bool:
        """Ask the service to stop a prediction; one that has ended stays as it is."""
        self._call("POST", f"/v1/predictions/{quote(provider_job_id, safe='')}/cancel")
        return True

    def find(self, job_id: UUID, attempt: int, callback_url: str) -> str | None:
        """Search the newest predictions for one with this webhook."""
        path = "/v1/predictions"
        for _ in range(PAGES_SEARCHED):
            reply = self._call("GET", path)
            page = reply.body if isinstance(reply.body, dict) else {}
            for prediction in page.get("results", ()):
                if prediction.get("webhook") == callback_url:
                    return str(prediction["id"])
            following = str(page.get("next") or "")
            if not following.startswith(self._base_url):
                return None
            path = following.removeprefix(self._base_url)
        return None

    def fetch(self, output_url: str) -> Output:
        """Fetch an output from the service's host, or from another one that may serve it."""
        return outputs.fetch(output_url, outputs.allowed_hosts(self._provider))

    def _call(self, method: str, path: str) -> Reply:
        try:
            reply = call(method, f"{self._base_url}{path}", token=self._token)
        except SubmissionUnknownError as error:
            # Nothing is submitted by these calls: a broken connection is a passing failure.
            raise ProviderFailedError(str(error)) from error
        if reply.status == 404:
            raise AttemptForgottenError("The service does not know the prediction any more.")
        if reply.status >= 300:
            raise _error_of(reply)
        return reply


def _error_of(reply: Reply) -> ProviderError:
    message = _message_of(reply.body) or f"The service answered {reply.status}."
    if reply.status in {429, 503}:
        return ProviderPausedError(message, retry_after_seconds(reply.headers))
    if reply.status >= 500:
        return ProviderFailedError(message)
    if reply.status in {400, 413, 422}:
        return ContentRefusedError(message) if CONTENT_POLICY.search(message) else InvalidParamsError(message)
    return SubmissionRejectedError(message)


def _message_of(body: Any) -> str:
    if not isinstance(body, dict):
        return ""
    return str(body.get("detail") or body.get("title") or body.get("error") or "")[:MAX_MESSAGE]


def _observation_of(prediction: dict[str, Any]) -> Observation:
    status = prediction.get("status")
    if status in {"starting", "processing"}:
        return Observation("running", progress=_progress_of(prediction))
    if status == "succeeded":
        output = prediction.get("output")
        first = output[0] if isinstance(output, list) and output else output
        return Observation("succeeded", output_url=first if isinstance(first, str) else None)
    if status in {"canceled", "aborted"}:
        return Observation("cancelled")
    if status == "failed":
        message = str(prediction.get("error") or "The prediction failed.")[:MAX_MESSAGE]
        return Observation("failed", error_message=message, error_code=classify(message))
    raise ProviderFailedError(f"The service says a state that is not known: {str(status)[:40]}.")


def _progress_of(prediction: dict[str, Any]) -> float | None:
    progress = prediction.get("progress")
    return min(1.0, max(0.0, float(progress))) if isinstance(progress, int | float) else None
