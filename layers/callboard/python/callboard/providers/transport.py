"""HTTP to cloud generation services: bounded in time, no redirects, no hidden retries."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import urllib3

from callboard.providers.errors import ProviderFailedError, ProviderPausedError, SubmissionUnknownError

CONNECT_SECONDS = 3.0
READ_SECONDS = 20.0
MAX_ANSWER_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """A service's answer; `body` is None when it is not JSON."""

    status: int
    body: Any
    headers: Mapping[str, str]


@lru_cache(maxsize=1)
def _pool() -> urllib3.PoolManager:
    return urllib3.PoolManager(
        maxsize=16,
        retries=False,
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
    )


def call(method: str, url: str, *, token: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Reply:
    """Send one request and read the answer, whatever its status.

    Raises:
        ProviderPausedError: No connection came about, so the service has not seen the request.
        SubmissionUnknownError: The connection broke after the request may have been read.
        ProviderFailedError: The answer is too large to be one.
    """
    try:
        response = _pool().request(
            method,
            url,
            body=None if body is None else json.dumps(body).encode(),
            headers={"authorization": f"Bearer {token}", "content-type": "application/json", **(headers or {})},
            redirect=False,
            preload_content=False,
        )
        content = response.read(MAX_ANSWER_BYTES + 1, decode_content=True)
        response.release_conn()
    except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as error:
        raise ProviderPausedError("The service cannot be reached.") from error
    except urllib3.exceptions.HTTPError as error:
        raise SubmissionUnknownError("The service broke off without an answer.") from error
    if len(content) > MAX_ANSWER_BYTES:
        raise ProviderFailedError("The service's answer is too large.")
    try:
        parsed = json.loads(content) if content else None
    except ValueError:
        parsed = None
    return Reply(response.status, parsed, response.headers)


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Read a Retry-After header given in seconds; its date form counts as absent."""
    value = headers.get("retry-after", "").strip()
    return float(value) if value.isdigit() else None
