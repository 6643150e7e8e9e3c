"""Services that only report: they take a job and tell by signed status updates how it fares."""

from uuid import UUID

from callboard.providers import outputs
from callboard.providers.errors import (
    InvalidParamsError,
    ProviderFailedError,
    ProviderPausedError,
    SubmissionRejectedError,
)
from callboard.providers.models import HttpProvider, Observation, Submission
from callboard.providers.outputs import Output
from callboard.providers.transport import call, retry_after_seconds


class PushClient:
    """A client of one push service: `POST {base_url}/jobs {job_id, attempt, params, status_url}` -> 2xx `{id}`."""

    def __init__(self, provider: HttpProvider, token: str) -> None:
        self._provider = provider
        self._base_url = provider.base_url.rstrip("/")
        self._token = token

    def create(self, submission: Submission) -> str:
        """Hand over an attempt with the URL that its status updates go to."""
        reply = call(
            "POST",
            f"{self._base_url}/jobs",
            token=self._token,
            body={
                "job_id": str(submission.job_id),
                "attempt": submission.attempt,
                "params": submission.params,
                "status_url": submission.callback_url,
            },
            headers={"x-correlation-id": submission.correlation_id},
        )
        if reply.status < 300:
            # A service without ids of its own is known by ours.
            given = reply.body.get("id") if isinstance(reply.body, dict) else None
            return str(given or f"{submission.job_id}:{submission.attempt}")
        message = f"The service answered {reply.status}."
        if reply.status in {429, 503}:
            raise ProviderPausedError(message, retry_after_seconds(reply.headers))
        if reply.status >= 500:
            raise ProviderFailedError(message)
        if reply.status in {400, 413, 422}:
            raise InvalidParamsError(message)
        raise SubmissionRejectedError(message)

    def get(self, provider_job_id: str) -> Observation | None:
        """Return None: there is nothing to ask."""
        return None

    def cancel(self, provider_job_id: str) -> bool:
        """Return False: there is nothing to ask."""
        return False

    def find(self, job_id: UUID, attempt: int, callback_url: str) -> str | None:
        """Return None: there is no listing. A late report settles a lost submission."""
        return None

    def fetch(self, output_url: str) -> Output:
        """Fetch an output from the service's host, or from another one that may serve it."""
        return outputs.fetch(output_url, outputs.allowed_hosts(self._provider))
