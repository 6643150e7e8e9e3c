"""The Python client of the job service, for agents that live elsewhere.

    async with JobQueueClient(get_token, "https://api.example.com") as jobs:
        job = await jobs.create(card_id, {"prompt": "A lighthouse at night"})
        ended = await jobs.wait(job.job_id, timeout=600)

It needs the extra `client` (httpx), and of AWS only what finds the service, if it is given no URL.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import TracebackType
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote
from uuid import UUID

import httpx
from pydantic import BaseModel, Field, RootModel, ValidationError

from callboard.errors import ServiceUnavailableError
from callboard.events.models import JobStatus
from callboard.ids import new_id
from callboard.jobs.models import TERMINAL, AcceptedJob, AcceptedJobs, Explanation, JobView, NewJob, NewJobs, OnUnknown
from callboard.pagination import DEFAULT_LIMIT, Page
from callboard.tokens import TokenSource, token_of

logger = logging.getLogger(__name__)

SERVICE = "job-queue"
# How many jobs are read at once while many are waited for: each costs the service a function.
READERS = 8
# A wait that is nearly over still has a chance to be answered.
LAST_LOOK_SECONDS = 2.0

# The request may not have arrived, or its answer was lost; and what discovery and a token source say of services.
PASSING = (
    httpx.TimeoutException,
    httpx.NetworkError,
    httpx.RemoteProtocolError,
    httpx.ProxyError,
    ServiceUnavailableError,
)


@dataclass(frozen=True, slots=True)
class Timing:
    """How patient a client is, in seconds where it is not `tries`.

    Attributes:
        tries: At most for one call.
        total: At most for one call, all its tries and pauses together.
        connect: For a connection.
        answer: For the answer to one try; the gateway itself gives up after 30.
        backoff: At most between two tries, unless the service asks for more.
        poll: Until a job that is waited for is read a second time; each next time takes half as long again.
        slowest_poll: At most between two readings of a job.
    """

    tries: int = 6
    total: float = 90.0
    connect: float = 5.0
    answer: float = 31.0
    backoff: float = 10.0
    poll: float = 0.5
    slowest_poll: float = 10.0


class JobQueueError(Exception):
    """The job service did not do what it was asked.

    Attributes:
        code: The service's error code, or the name of the HTTP status where the gateway answered.
        details: What the service says beside the message, such as the fields that are wrong.
        status: The answer's HTTP status; None if there was no answer.
        request_id: The service's name for the request; None if it told none.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.details = dict(details or {})
        self.status = status
        self.request_id = request_id


class JobQueueRefusedError(JobQueueError):
    """The service refused; the same request would be refused again."""


class JobQueueUnavailableError(JobQueueError):
    """The service did not answer, or only that it cannot now, at any of the tries; the last one's answer is told.

    What was asked may have happened: asking again with the same idempotency key is safe.
    """


class JobWaitTimeoutError(JobQueueError, TimeoutError):
    """The time was up before the jobs ended.

    Attributes:
        jobs: Each job as it was when it was last read. One that could not be read is missing.
    """

    def __init__(self, jobs: Mapping[UUID, JobView]) -> None:
        states = ", ".join(f"{job_id} {job.status}" for job_id, job in jobs.items())
        super().__init__("WAIT_TIMEOUT", f"still waiting: {states or 'no job could be read'}")
        self.jobs = dict(jobs)


class JobQueueClient:
    """Creates, watches and ends jobs on behalf of a user or machine.

    What fails in passing (429, 5xx, no connection, no answer) is tried again, with pauses that grow and are random; a
    creation carries the same idempotency key each time, so that it makes its jobs once. Every method raises
    `JobQueueRefusedError` at once if the service refuses, and `JobQueueUnavailableError` when it has tried enough.
    """

    def __init__(
        self,
        token: str | TokenSource,
        url: str | None = None,
        *,
        namespace: str | None = None,
        timing: Timing | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare a client; `async with` closes it in the end.

        Args:
            token: An access token, or what returns or awaits one; that is asked once, and again after a 401.
            url: The HTTP API's URL; without it the service is found by service discovery.
            namespace: Where discovery looks, the stack's name; without it, in the namespace of our own settings.
            timing: How patient to be.
            transport: What sends requests, for a proxy or a test.
            sleep: What pauses.
            clock: What tells the time, in seconds from anywhere.
        """
        self._timing = timing or Timing()
        # Each try as a whole is bounded by `_send`, since an answer may also trickle.
        self._http = httpx.AsyncClient(timeout=httpx.Timeout(None, connect=self._timing.connect), transport=transport)
        self._source = token
        self._token: str | None = None
        self._asking = asyncio.Lock()
        self._url = url
        self._found: str | None = None
        self._finding = asyncio.Lock()
        self._namespace = namespace
        self._readers = asyncio.Semaphore(READERS)
        self._sleep = sleep
        self._clock = clock

    async def __aenter__(self) -> Self:
        """Return the client; it connects when it is asked for something."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def create(
        self,
        card_id: UUID | str,
        params: Mapping[str, Any],
        *,
        provider: str | None = None,
        priority: int = 0,
        run_after: datetime | None = None,
        deadline_seconds: int | None = None,
        on_unknown: OnUnknown = "fail",
        idempotency_key: str | None = None,
        wait: int | None = None,
    ) -> AcceptedJob | JobView:
        """Create a job on a card; return it as accepted, or as it ended where `wait` let it.

        Args:
            card_id: The card that gets the result.
            params: What the provider is asked for, for pictures `{"prompt": ...}`.
            provider: A configured one; the default one if none.
            priority: From -100 to 100, higher first among the tenant's jobs.
            run_after: Not to be started before this time, which has a time zone.
            deadline_seconds: From now to a certain end.
            on_unknown: What to do when a submission's answer is lost.
            idempotency_key: A name for this job; calls with the same make one. A new one if none.
            wait: Seconds that the service may take to answer with the ended job, at most 25.
        """
        job = {
            "card_id": str(card_id),
            "params": dict(params),
            "provider": provider,
            "priority": priority,
            "run_after": run_after.isoformat() if run_after else None,
            "deadline_seconds": deadline_seconds,
            "on_unknown": on_unknown,
        }
        answer = await self._call(
            "POST",
            "/api/jobs",
            # The service is the judge of what is valid.
            json={name: value for name, value in job.items() if value is not None},
            headers=_key(idempotency_key) | ({"prefer": f"wait={wait}"} if wait else {}),
            answer_within=self._timing.answer + (wait or 0),
        )
        return _read(_CreatedJob, answer).root

    async def create_batch(
        self, jobs: Iterable[NewJob], *, idempotency_key: str | None = None
    ) -> Sequence[AcceptedJob]:
        """Create many jobs, all or none, at most 100; return them in the same order."""
        body = NewJobs.model_construct(jobs=[*jobs]).model_dump(mode="json", exclude_unset=True)
        answer = await self._call("POST", "/api/jobs/batch", json=body, headers=_key(idempotency_key))
        return _read(AcceptedJobs, answer).jobs

    async def get(self, job_id: UUID | str) -> JobView:
        """Read a job."""
        return _read(JobView, await self._call("GET", _path(job_id)))

    async def cancel(self, job_id: UUID | str) -> JobView:
        """Cancel a job; return it, unchanged if it has ended. One that runs ends a little later."""
        return _read(JobView, await self._call("POST", _path(job_id, "/cancel")))

    async def retry(self, job_id: UUID | str, *, idempotency_key: str | None = None) -> AcceptedJob:
        """Make a new job like a failed or cancelled one."""
        return _read(AcceptedJob, await self._call("POST", _path(job_id, "/retry"), headers=_key(idempotency_key)))

    async def explain(self, job_id: UUID | str) -> Explanation:
        """Ask what holds a job back."""
        return _read(Explanation, await self._call("GET", _path(job_id, "/explain")))

    async def list(
        self,
        *,
        card_id: UUID | str | None = None,
        project_id: UUID | str | None = None,
        status: JobStatus | None = None,
        page_size: int = DEFAULT_LIMIT,
    ) -> AsyncIterator[JobView]:
        """Iterate over jobs, newest first; pages are read as they are needed."""
        wanted = {"card_id": card_id, "project_id": project_id, "status": status, "limit": page_size}
        query = {name: str(value) for name, value in wanted.items() if value is not None}
        while True:
            page = _read(Page[JobView], await self._call("GET", "/api/jobs", params=query))
            for job in page.items:
                yield job
            if page.next_cursor is None:
                return
            query["cursor"] = page.next_cursor

    async def wait(self, job_id: UUID | str, timeout: float) -> JobView:
        """Wait until a job has ended, however; return it.

        The service may be out of reach meanwhile. After the timeout, a last look may take two seconds.

        Raises:
            JobWaitTimeoutError: It has not ended within these seconds; the error has its last state.
        """
        (job,) = (await self.wait_all([job_id], timeout=timeout)).values()
        return job

    async def wait_all(
        self, job_ids: Iterable[UUID | str], mode: Literal["all", "any"] | int = "all", *, timeout: float
    ) -> dict[UUID, JobView]:
        """Wait until all, any or so many of these jobs have ended, however; return those that have, by id.

        Raises:
            ValueError: More are waited for than there are, or none.
            JobWaitTimeoutError: The time is up; the error has the last state of each.
        """
        ids = [*dict.fromkeys(str(job_id) for job_id in job_ids)]
        needed = len(ids) if mode == "all" else 1 if mode == "any" else mode
        if needed > len(ids) or (needed < 1 and mode != "all"):
            raise ValueError(f"cannot wait for {needed} of {len(ids)} jobs")
        ends_at = self._clock() + timeout
        seen: dict[str, JobView] = {}
        interval = self._timing.poll
        while True:
            live = [job_id for job_id in ids if job_id not in seen or seen[job_id].status not in TERMINAL]
            trouble = await self._look(live, seen, ends_at)
            states = {seen[job_id].job_id: seen[job_id] for job_id in ids if job_id in seen}
            ended = {job_id: job for job_id, job in states.items() if job.status in TERMINAL}
            if len(ended) >= needed:
                return ended
            left = ends_at - self._clock()
            if left <= 0:
                raise JobWaitTimeoutError(states) from trouble
            await self._sleep(min(interval, left))
            interval = min(interval * 1.5, self._timing.slowest_poll)

    async def _look(
        self, job_ids: Sequence[str], seen: dict[str, JobView], ends_at: float
    ) -> JobQueueUnavailableError | None:
        """Note how these jobs are; return why one could not be read, which the next look may do better."""

        async def read(job_id: str) -> None:
            async with self._readers:
                within = max(ends_at - self._clock(), LAST_LOOK_SECONDS)
                seen[job_id] = _read(JobView, await self._call("GET", _path(job_id), within=within))

        trouble = None
        # Exceptions as results, so that none of the readings goes on unattended.
        for failure in await asyncio.gather(*map(read, job_ids), return_exceptions=True):
            if isinstance(failure, JobQueueUnavailableError):
                trouble = failure
            elif failure is not None:
                raise failure
        return trouble

    async def _call(
        self,
        method: str,
        path: str,
        *,
        within: float | None = None,
        answer_within: float | None = None,
        **parts: Any,
    ) -> httpx.Response:
        """Send a request until its answer is a good one, within the tries and the seconds of one call."""
        ends_at = self._clock() + min(self._timing.total, within or self._timing.total)
        tried = 0
        while True:
            tried += 1
            asked_for = 0.0
            try:
                answer = await self._try(method, path, ends_at, answer_within or self._timing.answer, parts)
            except PASSING as cause:
                failure: JobQueueError = JobQueueUnavailableError(
                    "SERVICE_UNAVAILABLE", f"no answer: {str(cause) or type(cause).__name__}"
                )
                failure.__cause__ = cause
            else:
                if answer.is_success:
                    return answer
                failure = _error_of(answer)
                asked_for = _retry_after(answer)
            if not isinstance(failure, JobQueueUnavailableError):
                raise failure
            # Full jitter, on top of what the service asks for: who was sent away together shall not come back together.
            pause = asked_for + random.uniform(0, min(self._timing.backoff, 0.25 * 2 ** min(tried, 16)))
            if tried >= self._timing.tries or self._clock() + pause >= ends_at:
                raise failure
            logger.info("%s is tried again after %s, try %d", path, failure.code, tried + 1)
            await self._sleep(pause)

    async def _try(
        self, method: str, path: str, ends_at: float, answer_within: float, parts: dict[str, Any]
    ) -> httpx.Response:
        """Send a request once; twice if its token is refused and there is another one."""
        token = await self._access_token()
        answer = await self._send(method, path, token, min(answer_within, ends_at - self._clock()), parts)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            renewed = await self._access_token(refused=token)
            if renewed != token:
                answer = await self._send(method, path, renewed, min(answer_within, ends_at - self._clock()), parts)
        return answer

    async def _send(self, method: str, path: str, token: str, within: float, parts: dict[str, Any]) -> httpx.Response:
        url = self._url or await self._find()
        headers = parts.get("headers", {}) | {"authorization": f"Bearer {token}"}
        try:
            async with asyncio.timeout(within):
                return await self._http.request(method, f"{url.rstrip('/')}{path}", **parts | {"headers": headers})
        except TimeoutError as error:
            raise httpx.ReadTimeout(f"none within {within:.1f} s") from error
        except (httpx.ConnectError, httpx.ConnectTimeout):
            if self._url is None:
                self._lose(url)
            raise

    async def _find(self) -> str:
        # Only a client without a URL needs anything of AWS.
        from callboard import discovery  # noqa: PLC0415

        async with self._finding:
            if self._found is None:
                self._found = await asyncio.to_thread(discovery.discover, SERVICE, self._namespace)
            return self._found

    def _lose(self, url: str) -> None:
        """Forget where the service was, unless it has been found elsewhere meanwhile."""
        from callboard import discovery  # noqa: PLC0415

        if self._found == url:
            self._found = None
            discovery.forget()

    async def _access_token(self, refused: str | None = None) -> str:
        """Return a token, a new one if the one at hand was refused."""
        async with self._asking:
            if self._token is None or self._token == refused:
                self._token = await token_of(self._source)
            return self._token


class _CreatedJob(RootModel[Annotated[JobView | AcceptedJob, Field(union_mode="left_to_right")]]):
    """The answer to a creation: the ended job, or the accepted one."""


def _key(given: str | None) -> dict[str, str]:
    return {"idempotency-key": given or str(new_id())}


def _path(job_id: UUID | str, rest: str = "") -> str:
    return f"/api/jobs/{quote(str(job_id), safe='')}{rest}"


def _read[Answer: BaseModel](kind: type[Answer], answer: httpx.Response) -> Answer:
    try:
        return kind.model_validate_json(answer.content)
    except ValidationError as error:
        raise JobQueueError(
            "UNREADABLE_ANSWER",
            f"what answers {answer.request.url.path} is not the job service",
            status=answer.status_code,
            request_id=_request_id(answer),
        ) from error


def _error_of(answer: httpx.Response) -> JobQueueError:
    """Make the error that an answer tells; the gateway's own answers are a message at most."""
    status = answer.status_code
    passes = status == HTTPStatus.TOO_MANY_REQUESTS or answer.is_server_error
    kind = JobQueueUnavailableError if passes else JobQueueRefusedError
    try:
        body = answer.json()
    except ValueError:
        body = None
    told = body if isinstance(body, dict) else {}
    if isinstance(told.get("error"), dict):
        told = told["error"]
    details = told.get("details")
    return kind(
        str(told.get("code") or (HTTPStatus(status).name if status in HTTPStatus else f"HTTP_{status}")),
        str(told.get("message") or answer.reason_phrase),
        details=details if isinstance(details, dict) else None,
        status=status,
        request_id=told.get("request_id") or _request_id(answer),
    )


def _request_id(answer: httpx.Response) -> str | None:
    name: str | None = answer.headers.get("x-request-id") or answer.headers.get("apigw-requestid")
    return name


def _retry_after(answer: httpx.Response) -> float:
    """Return how many seconds a service asks to be left alone, as a number or as a date; 0 without a word of it."""
    value = answer.headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
