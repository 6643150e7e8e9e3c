"""The job service's client: what it tries again and how, what it raises, how it waits, where it finds the service."""

import asyncio
import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from callboard import aws, discovery
from callboard.errors import ConfigurationError, ServiceUnavailableError
from callboard.jobs.client import (
    READERS,
    JobQueueClient,
    JobQueueError,
    JobQueueRefusedError,
    JobQueueUnavailableError,
    JobWaitTimeoutError,
    Timing,
)
from callboard.jobs.models import AcceptedJob, JobView, NewJob

PROGRAM = """
import sys
import callboard.jobs.client
print(*sorted({"boto3", "botocore", "psycopg", "aws_lambda_powertools", "websockets"} & sys.modules.keys()))
"""

CARD = uuid4()
JOB = uuid4()
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)

type Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class Clock:
    """Time that passes by sleeping only."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class Service:
    """Answers in the order that a test says; the last answer again and again."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.requests: list[httpx.Request] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer(request)

    def sent(self, header: str) -> list[str | None]:
        return [request.headers.get(header) for request in self.requests]

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.requests]


class FakeCloudMap:
    """Answers DiscoverInstances with one URL, or with none."""

    def __init__(self) -> None:
        self.url: str | None = "https://one.test/stage"
        self.asked: list[str] = []

    def discover_instances(self, **question: Any) -> dict[str, Any]:
        self.asked.append(f"{question['NamespaceName']}/{question['ServiceName']}")
        return {"Instances": [{"InstanceId": "1", "Attributes": {"url": self.url}}] if self.url else []}


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cloud_map(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCloudMap]:
    fake = FakeCloudMap()
    monkeypatch.setattr(aws, "servicediscovery", lambda: fake)
    discovery.forget()
    yield fake
    discovery.forget()


@pytest.fixture
def jobs(service: Service, clock: Clock) -> JobQueueClient:
    return client(service, clock)


def client(service: Service, clock: Clock, url: str | None = "https://api.test", **options: Any) -> JobQueueClient:
    options = {"token": "token", "transport": httpx.MockTransport(service), **options}
    return JobQueueClient(url=url, sleep=clock.sleep, clock=clock, **options)


def accepted(job_id: UUID = JOB, status: int = 202, **more: Any) -> httpx.Response:
    return httpx.Response(status, json=AcceptedJob(job_id=job_id).model_dump(mode="json") | more)


def view(job_id: UUID | str = JOB, status: str = "completed") -> dict[str, Any]:
    job: dict[str, Any] = dict.fromkeys(JobView.model_fields) | {
        "job_id": str(job_id),
        "card_id": str(CARD),
        "project_id": str(CARD),
        "status": status,
        "provider": "replicate",
        "params": {},
        "priority": 0,
        "attempt": 1,
        "cancel_requested": False,
    }
    return job | dict.fromkeys(("run_after", "created_at", "deadline_at"), NOW.isoformat())


def found(job_id: UUID | str = JOB, status: str = "completed") -> httpx.Response:
    return httpx.Response(200, json=view(job_id, status))


def refusal(status: int, code: str = "SOME_CODE", **headers: str) -> httpx.Response:
    error = {"code": code, "message": "Not so.", "details": {"field": "x"}, "request_id": "req-1"}
    return httpx.Response(status, json={"error": error}, headers=headers)


def test_the_client_imports_nothing_of_aws_or_the_database() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=30, check=True)

    assert run.stdout.split() == []


class TestRequests:
    async def test_create_sends_what_was_said_and_nothing_else(self, jobs: JobQueueClient, service: Service) -> None:
        service.answers = [accepted()]

        job = await jobs.create(
            CARD, {"prompt": "A lamp"}, provider="push", priority=3, run_after=NOW, deadline_seconds=9, wait=5
        )

        (request,) = service.requests
        assert (request.method, str(request.url)) == ("POST", "https://api.test/api/jobs")
        assert service.bodies == [
            {
                "card_id": str(CARD),
                "params": {"prompt": "A lamp"},
                "provider": "push",
                "priority": 3,
                "run_after": "2026-11-23T12:00:00+00:00",
                "deadline_seconds": 9,
                "on_unknown": "fail",
            }
        ]
        assert (request.headers["prefer"], request.headers["authorization"]) == ("wait=5", "Bearer token")
        assert (job.job_id, job.status) == (JOB, "queued")

    async def test_create_with_defaults_is_what_the_service_takes(self, jobs: JobQueueClient, service: Service) -> None:
        service.answers = [accepted()]

        await jobs.create(CARD, {"prompt": None})

        (body,) = service.bodies
        assert NewJob.model_validate(body) == NewJob(card_id=CARD, params={"prompt": None})
        assert service.sent("prefer") == [None]

    async def test_create_that_waited_returns_the_ended_job(self, jobs: JobQueueClient, service: Service) -> None:
        service.answers = [found()]

        job = await jobs.create(CARD, {}, wait=20)

        assert isinstance(job, JobView)
        assert job.status == "completed"

    async def test_create_that_is_replayed_returns_the_accepted_job(
        self, jobs: JobQueueClient, service: Service
    ) -> None:
        service.answers = [accepted(status=200)]

        assert isinstance(await jobs.create(CARD, {}, idempotency_key="shot-1"), AcceptedJob)
        assert service.sent("idempotency-key") == ["shot-1"]

    async def test_two_creations_have_two_keys(self, jobs: JobQueueClient, service: Service) -> None:
        service.answers = [accepted()]

        await jobs.create(CARD, {})
        await jobs.create(CARD, {})

        one, two = service.sent("idempotency-key")
        assert one
        assert two
        assert one != two

    async def test_batch_returns_its_jobs_in_order(self, jobs: JobQueueClient, service: Service) -> None:
        ids = [uuid4(), uuid4()]
        service.answers = [httpx.Response(202, json={"jobs": [{"job_id": str(job_id)} for job_id in ids]})]

        made = await jobs.create_batch(
            [NewJob(card_id=CARD, params={"n": None}), NewJob(card_id=CARD, params={}, run_after=NOW)]
        )

        assert [job.job_id for job in made] == ids
        card = str(CARD)
        assert service.bodies == [
            {
                "jobs": [
                    {"card_id": card, "params": {"n": None}},
                    {"card_id": card, "params": {}, "run_after": "2026-11-23T12:00:00Z"},
                ]
            }
        ]
        assert service.sent("idempotency-key") != [None]

    async def test_list_reads_page_after_page(self, jobs: JobQueueClient, service: Service) -> None:
        ids = [uuid4(), uuid4(), uuid4()]
        service.answers = [
            httpx.Response(200, json={"items": [view(ids[0]), view(ids[1])], "next_cursor": "abc"}),
            httpx.Response(200, json={"items": [view(ids[2])], "next_cursor": None}),
        ]

        listed = [job.job_id async for job in jobs.list(card_id=CARD, status="completed", page_size=2)]

        assert listed == ids
        first = {"card_id": str(CARD), "status": "completed", "limit": "2"}
        assert [dict(r.url.params) for r in service.requests] == [first, first | {"cursor": "abc"}]

    async def test_cancel_returns_the_job(self, jobs: JobQueueClient, service: Service) -> None:
        service.answers = [found(status="cancelled")]

        assert (await jobs.cancel(JOB)).status == "cancelled"
        assert [r.url.path for r in service.requests] == [f"/api/jobs/{JOB}/cancel"]

    async def test_retry_has_a_key_and_returns_the_new_job(self, jobs: JobQueueClient, service: Service) -> None:
        service.answers = [accepted(uuid4(), retry_of=str(JOB))]

        assert (await jobs.retry(JOB)).retry_of == JOB
        assert service.sent("idempotency-key") != [None]

    async def test_explain_tells_the_reasons(self, jobs: JobQueueClient, service: Service) -> None:
        reasons = [{"code": "run_after", "message": "Not yet."}]
        explanation = {"job_id": str(JOB), "status": "queued", "waiting": True, "place": 2, "reasons": reasons}
        service.answers = [httpx.Response(200, json=explanation)]

        explained = await jobs.explain(JOB)

        assert (explained.place, explained.reasons[0].code) == (2, "run_after")

    async def test_an_id_cannot_leave_its_place_in_the_path(self, jobs: JobQueueClient, service: Service) -> None:
        service.answers = [refusal(404, "JOB_NOT_FOUND")]

        with pytest.raises(JobQueueRefusedError):
            await jobs.get("../projects?x=1")

        assert service.requests[0].url.raw_path == b"/api/jobs/..%2Fprojects%3Fx%3D1"


class TestRetries:
    @pytest.mark.parametrize(
        "failure",
        [
            refusal(429),
            refusal(500),
            refusal(502),
            refusal(503),
            refusal(504),
            httpx.ConnectError("refused"),
            httpx.ConnectTimeout("slow"),
            httpx.ReadTimeout("slow"),
            httpx.ReadError("reset"),
            httpx.RemoteProtocolError("no answer"),
        ],
        ids=str,
    )
    async def test_what_passes_is_tried_again_with_the_same_key_and_body(
        self, jobs: JobQueueClient, service: Service, failure: Answer
    ) -> None:
        service.answers = [failure, failure, accepted()]

        await jobs.create(CARD, {"prompt": "A lamp"})

        assert len(service.requests) == 3
        assert len(set(service.sent("idempotency-key"))) == 1
        assert service.bodies[0] == service.bodies[1] == service.bodies[2]

    @pytest.mark.parametrize("method", ["get", "cancel", "retry", "explain"])
    async def test_other_methods_are_tried_again_too(self, jobs: JobQueueClient, service: Service, method: str) -> None:
        service.answers = [refusal(503), refusal(404)]

        with pytest.raises(JobQueueRefusedError):
            await getattr(jobs, method)(JOB)

        assert len(service.requests) == 2
        assert len(set(service.sent("idempotency-key"))) == 1

    @pytest.mark.parametrize("status", [400, 403, 404, 409, 413, 422])
    async def test_a_refusal_is_raised_at_once_with_all_that_it_says(
        self, jobs: JobQueueClient, service: Service, clock: Clock, status: int
    ) -> None:
        service.answers = [refusal(status, "CARD_NOT_FOUND")]

        with pytest.raises(JobQueueRefusedError) as caught:
            await jobs.create(CARD, {})

        error = caught.value
        assert (error.code, error.message, error.details) == ("CARD_NOT_FOUND", "Not so.", {"field": "x"})
        assert (error.status, error.request_id) == (status, "req-1")
        assert len(service.requests) == 1
        assert clock.pauses == []

    async def test_pauses_are_random_below_a_bound_that_doubles(
        self, jobs: JobQueueClient, service: Service, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def highest(low: float, high: float) -> float:
            bounds.append((low, high))
            return high

        bounds: list[tuple[float, float]] = []
        monkeypatch.setattr("random.uniform", highest)
        service.answers = [refusal(503)]

        with pytest.raises(JobQueueUnavailableError):
            await client(service, clock, timing=Timing(tries=8, total=1000)).get(JOB)

        assert bounds[:7] == [(0, 0.5), (0, 1), (0, 2), (0, 4), (0, 8), (0, 10), (0, 10)]
        assert clock.pauses == [0.5, 1, 2, 4, 8, 10, 10]

    async def test_a_service_that_never_can_is_given_up_after_the_tries(
        self, jobs: JobQueueClient, service: Service
    ) -> None:
        service.answers = [refusal(503, "SERVICE_UNAVAILABLE")]

        with pytest.raises(JobQueueUnavailableError) as caught:
            await jobs.create(CARD, {})

        assert len(service.requests) == Timing().tries
        assert (caught.value.code, caught.value.status, caught.value.request_id) == (
            "SERVICE_UNAVAILABLE",
            503,
            "req-1",
        )

    async def test_without_any_answer_the_error_tells_what_happened(
        self, jobs: JobQueueClient, service: Service
    ) -> None:
        service.answers = [httpx.ConnectError("refused")]

        with pytest.raises(JobQueueUnavailableError, match="refused") as caught:
            await jobs.get(JOB)

        assert (caught.value.status, caught.value.request_id) == (None, None)
        assert isinstance(caught.value.__cause__, httpx.ConnectError)

    async def test_the_time_of_one_call_is_bounded(self, service: Service, clock: Clock) -> None:
        service.answers = [refusal(503)]
        started = clock.now

        with pytest.raises(JobQueueUnavailableError):
            await client(service, clock, timing=Timing(tries=1000, total=60)).get(JOB)

        assert clock.now - started < 60
        assert len(service.requests) < 1000

    @pytest.mark.parametrize(
        "wish", ["7", lambda: format_datetime(datetime.now(UTC) + timedelta(seconds=8), usegmt=True)]
    )
    async def test_a_pause_is_as_long_as_the_service_asks_for(
        self, jobs: JobQueueClient, service: Service, clock: Clock, wish: str | Callable[[], str]
    ) -> None:
        service.answers = [refusal(429, **{"retry-after": wish if isinstance(wish, str) else wish()}), found()]

        await jobs.get(JOB)

        (pause,) = clock.pauses
        assert 6.9 < pause < 8.6

    @pytest.mark.parametrize("wish", ["soon", "-5", "Mon, 23 Nov 2020 12:00:00 GMT", ""])
    async def test_a_wish_that_says_nothing_is_as_none(
        self, jobs: JobQueueClient, service: Service, clock: Clock, wish: str
    ) -> None:
        service.answers = [refusal(503, **{"retry-after": wish}), found()]

        await jobs.get(JOB)

        assert clock.pauses[0] <= 0.5

    async def test_a_service_that_asks_for_more_time_than_there_is_is_given_up_at_once(
        self, jobs: JobQueueClient, service: Service, clock: Clock
    ) -> None:
        service.answers = [refusal(503, **{"retry-after": "3600"})]

        with pytest.raises(JobQueueUnavailableError):
            await jobs.get(JOB)

        assert clock.pauses == []

    async def test_an_answer_that_does_not_come_is_not_waited_for(self, clock: Clock) -> None:
        async def answer(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            if len(requests) == 1:
                await asyncio.Event().wait()
            return accepted()

        requests: list[httpx.Request] = []
        jobs = JobQueueClient(
            "token",
            "https://api.test",
            timing=Timing(answer=0.01),
            transport=httpx.MockTransport(answer),
            sleep=clock.sleep,
            clock=clock,
        )

        await jobs.create(CARD, {})

        assert len({request.headers["idempotency-key"] for request in requests}) == 1
        assert len(requests) == 2

    @pytest.mark.parametrize("answer", [httpx.Response(200, text="<html>"), httpx.Response(200, json={"a": 1})])
    async def test_an_answer_of_another_service_is_an_error(
        self, jobs: JobQueueClient, service: Service, answer: httpx.Response
    ) -> None:
        service.answers = [answer]

        with pytest.raises(JobQueueError) as caught:
            await jobs.get(JOB)

        assert (caught.value.code, caught.value.status) == ("UNREADABLE_ANSWER", 200)

    @pytest.mark.parametrize(
        ("answer", "code", "message"),
        [
            (httpx.Response(403, json={"message": "Forbidden"}), "FORBIDDEN", "Forbidden"),
            (httpx.Response(404, text="<html>"), "NOT_FOUND", "Not Found"),
            (httpx.Response(302, headers={"location": "https://other.test"}), "FOUND", "Found"),
            (httpx.Response(499, json=["what"]), "HTTP_499", ""),
        ],
        ids=["gateway", "html", "redirect", "unknown"],
    )
    async def test_an_error_without_our_envelope_is_named_by_its_status(
        self, jobs: JobQueueClient, service: Service, answer: httpx.Response, code: str, message: str
    ) -> None:
        answer.headers["apigw-requestid"] = "gw-1"
        service.answers = [answer]

        with pytest.raises(JobQueueRefusedError) as caught:
            await jobs.get(JOB)

        error = caught.value
        assert (error.code, error.message, error.request_id, error.details) == (code, message, "gw-1", {})


class TestTokens:
    async def test_the_source_is_asked_once_while_its_token_is_good(self, service: Service, clock: Clock) -> None:
        numbers = itertools.count(1)
        jobs = client(service, clock, token=lambda: f"token-{next(numbers)}\n")
        service.answers = [found()]

        await jobs.get(JOB)
        await jobs.get(JOB)

        assert service.sent("authorization") == ["Bearer token-1"] * 2

    async def test_a_refused_token_is_replaced_and_the_request_sent_again(self, service: Service, clock: Clock) -> None:
        async def source() -> str:
            return tokens.pop(0)

        tokens = ["old", "new"]
        service.answers = [refusal(401), accepted()]

        await client(service, clock, token=source).create(CARD, {})

        assert service.sent("authorization") == ["Bearer old", "Bearer new"]
        assert len(set(service.sent("idempotency-key"))) == 1
        assert clock.pauses == []

    async def test_a_second_refusal_is_raised(self, service: Service, clock: Clock) -> None:
        tokens = iter(["old", "new", "newer"])
        service.answers = [httpx.Response(401, json={"message": "Unauthorized"})]

        with pytest.raises(JobQueueRefusedError) as caught:
            await client(service, clock, token=lambda: next(tokens)).get(JOB)

        assert (caught.value.status, caught.value.code) == (401, "UNAUTHORIZED")
        assert service.sent("authorization") == ["Bearer old", "Bearer new"]

    async def test_a_token_that_is_the_same_again_is_not_tried_again(
        self, jobs: JobQueueClient, service: Service
    ) -> None:
        service.answers = [refusal(401)]

        with pytest.raises(JobQueueRefusedError):
            await jobs.get(JOB)

        assert len(service.requests) == 1

    async def test_requests_that_are_refused_together_ask_for_one_new_token(
        self, service: Service, clock: Clock
    ) -> None:
        numbers = itertools.count(1)
        jobs = client(service, clock, token=lambda: f"token-{next(numbers)}")
        service.answers = [lambda r: refusal(401) if r.headers["authorization"] == "Bearer token-1" else found()]

        await asyncio.gather(*(jobs.get(JOB) for _ in range(5)))

        assert next(numbers) == 3

    async def test_a_source_that_cannot_now_is_asked_again(self, service: Service, clock: Clock) -> None:
        def source() -> str:
            if not clock.pauses:
                raise ServiceUnavailableError
            return "token"

        service.answers = [found()]

        assert (await client(service, clock, token=source).get(JOB)).job_id == JOB

    async def test_a_source_that_fails_otherwise_is_heard(self, service: Service, clock: Clock) -> None:
        def source() -> str:
            raise ConfigurationError("no secret")

        with pytest.raises(ConfigurationError):
            await client(service, clock, token=source).get(JOB)


class TestWaiting:
    @pytest.fixture
    def states(self, service: Service) -> dict[str, list[str]]:
        """Give each job a list of states, of which each reading takes one and the last stays."""

        def answer(request: httpx.Request) -> httpx.Response:
            job_id = request.url.path.rpartition("/")[2]
            if job_id not in left:
                return refusal(404, "JOB_NOT_FOUND")
            status = left[job_id].pop(0) if len(left[job_id]) > 1 else left[job_id][0]
            return refusal(503) if status == "lost" else found(job_id, status)

        left: dict[str, list[str]] = {}
        service.answers = [answer]
        return left

    @pytest.mark.parametrize("end", ["completed", "failed", "cancelled"])
    async def test_wait_returns_the_job_however_it_ended(
        self, jobs: JobQueueClient, states: dict[str, list[str]], end: str
    ) -> None:
        states[str(JOB)] = ["queued", "processing", end]

        assert (await jobs.wait(JOB, timeout=60)).status == end

    async def test_intervals_grow_to_a_bound_and_end_with_the_time(
        self, jobs: JobQueueClient, clock: Clock, states: dict[str, list[str]]
    ) -> None:
        states[str(JOB)] = ["processing"]
        started = clock.now

        with pytest.raises(JobWaitTimeoutError):
            await jobs.wait(JOB, timeout=60)

        assert clock.pauses[:4] == [0.5, 0.75, 1.125, 1.6875]
        assert max(clock.pauses) == 10
        assert clock.now - started == 60

    async def test_the_time_that_is_up_is_told_with_the_last_state(
        self, jobs: JobQueueClient, states: dict[str, list[str]]
    ) -> None:
        states[str(JOB)] = ["queued", "processing"]

        with pytest.raises(TimeoutError) as caught:
            await jobs.wait(str(JOB), timeout=5)

        assert isinstance(caught.value, JobWaitTimeoutError)
        assert caught.value.jobs[JOB].status == "processing"
        assert str(JOB) in str(caught.value)

    async def test_without_any_time_the_job_is_read_once(
        self, jobs: JobQueueClient, service: Service, states: dict[str, list[str]]
    ) -> None:
        states[str(JOB)] = ["completed"]

        assert (await jobs.wait(JOB, timeout=0)).status == "completed"
        assert len(service.requests) == 1

    async def test_a_wait_outlasts_an_outage(
        self, jobs: JobQueueClient, states: dict[str, list[str]], clock: Clock
    ) -> None:
        states[str(JOB)] = ["queued", *["lost"] * 20, "completed"]

        assert (await jobs.wait(JOB, timeout=3600)).status == "completed"

    async def test_an_outage_that_lasts_is_the_cause_of_the_timeout(
        self, jobs: JobQueueClient, states: dict[str, list[str]], clock: Clock
    ) -> None:
        states[str(JOB)] = ["lost"]
        started = clock.now

        with pytest.raises(JobWaitTimeoutError) as caught:
            await jobs.wait(JOB, timeout=30)

        assert caught.value.jobs == {}
        assert isinstance(caught.value.__cause__, JobQueueUnavailableError)
        assert clock.now - started <= 32

    async def test_a_job_that_is_not_there_ends_the_wait(
        self, jobs: JobQueueClient, states: dict[str, list[str]]
    ) -> None:
        states[str(JOB)] = ["queued"]

        with pytest.raises(JobQueueRefusedError, match="JOB_NOT_FOUND"):
            await jobs.wait_all([JOB, uuid4()], timeout=60)

    async def test_all_waits_for_the_last(self, jobs: JobQueueClient, states: dict[str, list[str]]) -> None:
        one, two = uuid4(), uuid4()
        states.update({str(one): ["queued", "queued", "failed"], str(two): ["completed"]})

        ended = await jobs.wait_all([one, two], timeout=60)

        assert {job_id: job.status for job_id, job in ended.items()} == {one: "failed", two: "completed"}
        assert [*ended] == [one, two]

    async def test_any_waits_for_the_first(self, jobs: JobQueueClient, states: dict[str, list[str]]) -> None:
        one, two = uuid4(), uuid4()
        states.update({str(one): ["queued"], str(two): ["queued", "completed"]})

        assert [*await jobs.wait_all([one, two], mode="any", timeout=60)] == [two]

    async def test_a_quorum_waits_for_so_many(self, jobs: JobQueueClient, states: dict[str, list[str]]) -> None:
        ids = [uuid4() for _ in range(3)]
        ends = [["queued"], ["queued", "completed"], ["queued", "queued", "failed"]]
        states.update(zip(map(str, ids), ends, strict=True))

        assert [*await jobs.wait_all(ids, mode=2, timeout=60)] == ids[1:]

    async def test_what_has_ended_is_not_read_again(
        self, jobs: JobQueueClient, service: Service, states: dict[str, list[str]]
    ) -> None:
        one, two = uuid4(), uuid4()
        states.update({str(one): ["completed"], str(two): ["queued", "queued", "completed"]})

        await jobs.wait_all([one, two, one], timeout=60)

        assert [r.url.path.rpartition("/")[2] for r in service.requests].count(str(one)) == 1

    async def test_a_quorum_that_is_missed_tells_every_state(
        self, jobs: JobQueueClient, states: dict[str, list[str]]
    ) -> None:
        one, two = uuid4(), uuid4()
        states.update({str(one): ["completed"], str(two): ["queued"]})

        with pytest.raises(JobWaitTimeoutError) as caught:
            await jobs.wait_all([one, two], mode=2, timeout=10)

        assert {job_id: job.status for job_id, job in caught.value.jobs.items()} == {one: "completed", two: "queued"}

    async def test_no_jobs_have_all_ended(self, jobs: JobQueueClient) -> None:
        assert await jobs.wait_all([], timeout=60) == {}

    @pytest.mark.parametrize(("count", "mode"), [(0, "any"), (1, 2), (2, 0), (2, -1)])
    async def test_more_jobs_than_there_are_or_none_cannot_be_waited_for(
        self, jobs: JobQueueClient, count: int, mode: Any
    ) -> None:
        with pytest.raises(ValueError, match="cannot wait"):
            await jobs.wait_all([uuid4() for _ in range(count)], mode=mode, timeout=60)

    async def test_many_jobs_are_not_read_all_at_once(self) -> None:
        async def answer(request: httpx.Request) -> httpx.Response:
            open_requests.append(request)
            seen.append(len(open_requests))
            await asyncio.sleep(0.001)
            open_requests.remove(request)
            return found(request.url.path.rpartition("/")[2])

        open_requests: list[httpx.Request] = []
        seen: list[int] = []
        jobs = JobQueueClient("token", "https://api.test", transport=httpx.MockTransport(answer))

        await jobs.wait_all([uuid4() for _ in range(40)], timeout=60)

        assert max(seen) == READERS


class TestDiscovery:
    async def test_without_a_url_the_service_is_found_by_name(
        self, service: Service, clock: Clock, cloud_map: FakeCloudMap
    ) -> None:
        service.answers = [found()]
        jobs = client(service, clock, url=None, namespace="callboard-test")

        await asyncio.gather(jobs.get(JOB), jobs.get(JOB))

        assert {str(r.url) for r in service.requests} == {f"https://one.test/stage/api/jobs/{JOB}"}
        assert cloud_map.asked == ["callboard-test/job-queue"]

    @pytest.mark.parametrize("failure", [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow")], ids=repr)
    async def test_a_url_that_does_not_answer_any_more_is_looked_up_again(
        self, service: Service, clock: Clock, cloud_map: FakeCloudMap, failure: Exception
    ) -> None:
        def move(request: httpx.Request) -> httpx.Response:
            cloud_map.url = "https://two.test"
            raise failure

        service.answers = [move, accepted()]

        await client(service, clock, url=None, namespace="callboard-test").create(CARD, {})

        assert [r.url.host for r in service.requests] == ["one.test", "two.test"]
        assert len(set(service.sent("idempotency-key"))) == 1

    @pytest.mark.parametrize("failure", [refusal(503), httpx.ReadTimeout("slow")], ids=repr)
    async def test_a_url_that_was_reached_is_kept(
        self, service: Service, clock: Clock, cloud_map: FakeCloudMap, failure: Answer
    ) -> None:
        service.answers = [failure, found()]

        await client(service, clock, url=None, namespace="callboard-test").get(JOB)

        assert len(cloud_map.asked) == 1

    async def test_a_service_that_is_not_there_yet_is_looked_for_again(
        self, service: Service, clock: Clock, cloud_map: FakeCloudMap, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def appear(seconds: float) -> None:
            cloud_map.url = "https://two.test"

        monkeypatch.setattr(clock, "sleep", appear)
        cloud_map.url = None
        service.answers = [found()]

        await client(service, clock, url=None, namespace="callboard-test").get(JOB)

        assert [r.url.host for r in service.requests] == ["two.test"]

    async def test_a_service_that_is_nowhere_is_unavailable(
        self, service: Service, clock: Clock, cloud_map: FakeCloudMap
    ) -> None:
        cloud_map.url = None

        with pytest.raises(JobQueueUnavailableError) as caught:
            await client(service, clock, url=None, namespace="callboard-test").get(JOB)

        assert (caught.value.code, caught.value.status) == ("SERVICE_UNAVAILABLE", None)
        assert len(cloud_map.asked) == Timing().tries

    async def test_a_given_url_is_never_looked_up(
        self, jobs: JobQueueClient, service: Service, cloud_map: FakeCloudMap
    ) -> None:
        service.answers = [httpx.ConnectError("refused"), found()]

        await jobs.get(JOB)

        assert cloud_map.asked == []


async def test_leaving_the_client_closes_it(service: Service, clock: Clock) -> None:
    service.answers = [found()]

    async with client(service, clock) as jobs:
        await jobs.get(JOB)

    with pytest.raises(RuntimeError, match="closed"):
        await jobs.get(JOB)
