"""Claiming and submitting."""

import time
from typing import Any

import pytest

from callboard import queues
from callboard.database import Database, connect
from callboard.jobs import repository
from callboard.jobs.submission import message_delay
from callboard.queues import Message
from submit_job.handler import lambda_handler as submit_job
from support.aws import FakeCloud
from support.board import make_board, one
from support.lambdas import Context, sqs_event
from support.rows import insert_provider
from support.statements import counted

from .conftest import Studio


def test_submitting_hands_the_params_and_a_callback_url_to_the_service(studio: Studio) -> None:
    job_id = studio.create(params={"prompt": "A lamp", "version": "v1"})

    studio.submit()

    prediction = studio.service.only()
    assert prediction["input"] == {"prompt": "A lamp"}
    assert prediction["webhook"] == f"https://api.example.test/api/callbacks/replicate?job_id={job_id}&attempt=1"
    assert prediction["authorization"] == "Bearer token"
    assert studio.job(job_id)["status"] == "processing"
    assert studio.attempt(job_id)["provider_job_id"] == prediction["id"]


def test_submitting_publishes_queued_and_processing_and_schedules_a_check(studio: Studio) -> None:
    job_id = studio.create()

    studio.submit()

    published = studio.cloud.published()
    assert [event["data"]["status"] for event in published] == ["queued", "processing"]
    assert [event["offset"] for event in published] == [1, 2]
    assert one(studio.db, "SELECT count(*) AS n FROM events WHERE published_at IS NULL")["n"] == 0
    (check,) = _delayed(studio)
    assert (check["job_id"], check["attempt"], check["seq"]) == (str(job_id), 1, 1)


def _delayed(studio: Studio) -> list[dict[str, Any]]:
    """Wait for the messages that the queue of checks holds back for a moment."""
    for _ in range(40):
        if messages := studio.cloud.messages(studio.cloud.checks_queue_url):
            return messages
        time.sleep(0.1)
    return []


def test_a_wake_up_delivered_twice_submits_once(studio: Studio) -> None:
    job_id = studio.create()
    message = {"job_id": str(job_id)}

    studio.submit(message, message)
    studio.submit(message)

    assert studio.service.calls["create"] == 1


def test_a_job_to_run_later_is_not_submitted_now(studio: Studio) -> None:
    job_id = studio.create(run_after="2099-01-01T00:00:00Z")

    studio.submit()

    assert studio.job(job_id)["status"] == "queued"
    assert studio.service.calls["create"] == 0


def test_higher_priority_goes_first_then_age(db: Database, cloud: FakeCloud, studio: Studio) -> None:
    db.execute("UPDATE providers SET max_in_flight_per_tenant = 2")
    old, urgent, young = studio.create(), studio.create(priority=5), studio.create()

    studio.submit()

    assert [studio.job(job)["status"] for job in (urgent, old, young)] == ["processing", "processing", "queued"]


def test_tenants_take_turns_however_much_one_has_queued(db: Database, studio: Studio) -> None:
    other = make_board(db, "bob")
    db.execute("UPDATE providers SET max_in_flight = 2")
    for _ in range(5):
        studio.create()
    db.execute(
        """INSERT INTO generation_jobs (id, tenant, project_id, card_id, provider, params, deadline_at, correlation_id,
                                        created_by)
           VALUES (gen_random_uuid(), 'bob', %s, %s, 'replicate', '{}', now() + interval '1 hour', 'c', 'bob')""",
        (other.project_id, other.card_id),
    )

    studio.submit()

    rows = db.execute("SELECT tenant FROM generation_jobs WHERE status = 'processing' ORDER BY tenant").fetchall()
    assert [row["tenant"] for row in rows] == ["alice", "bob"]


def test_limits_hold_when_two_claim_at_once(database_url: str, db: Database, studio: Studio) -> None:
    db.execute("UPDATE providers SET max_in_flight = 3")
    for _ in range(6):
        studio.create()

    with connect(database_url) as first, connect(database_url) as second:
        with first.transaction():
            taken = repository.claim(first, 10, 60).jobs
        with second.transaction():
            more = repository.claim(second, 10, 60).jobs

    assert (len(taken), len(more)) == (3, 0)


def test_a_freed_place_goes_to_the_next_job(db: Database, studio: Studio) -> None:
    db.execute("UPDATE providers SET max_in_flight = 1")
    first, second = studio.create(), studio.create()
    studio.submit()
    studio.service.finish()

    studio.check()
    studio.submit()

    assert studio.job(first)["status"] == "completed"
    assert studio.job(second)["status"] == "processing"


@pytest.mark.parametrize("jobs", [1, 10])
def test_a_batch_costs_a_constant_number_of_statements(studio: Studio, jobs: int) -> None:
    for _ in range(jobs):
        studio.create()
    studio.cloud.messages(studio.cloud.jobs_queue_url)

    with counted() as statements:
        studio.submit({})

    assert studio.service.calls["create"] == jobs
    assert len(statements) == 5, statements


def test_invalid_params_fail_the_job_at_once(studio: Studio) -> None:
    studio.service.create_status, studio.service.create_error = 422, "prompt is required"
    job_id = studio.create()

    studio.submit()

    job = studio.job(job_id)
    assert (job["status"], job["error_code"], job["error_message"]) == ("failed", "invalid_input", "prompt is required")
    assert studio.statuses(job_id) == ["queued", "processing", "failed"]


def test_a_content_policy_refusal_is_told_apart(studio: Studio) -> None:
    studio.service.create_status, studio.service.create_error = 422, "Flagged by our content policy"
    job_id = studio.create()

    studio.submit()

    assert studio.job(job_id)["error_code"] == "content_policy"


def test_a_server_error_is_tried_again_up_to_the_limit(studio: Studio) -> None:
    studio.service.create_status = 500
    job_id = studio.create()

    for _ in range(3):
        studio.submit({})
        studio.let_time_pass("run_after")

    job = studio.job(job_id)
    assert (job["status"], job["error_code"], job["attempt"]) == ("failed", "provider_unavailable", 3)
    assert studio.service.calls["create"] == 3


def test_a_rate_limit_pauses_the_provider_and_burns_no_attempt(db: Database, studio: Studio) -> None:
    studio.service.create_status, studio.service.create_headers = 429, {"retry-after": "7"}
    job_id = studio.create()

    studio.submit()
    studio.submit({})

    assert studio.service.calls["create"] == 1
    assert studio.job(job_id)["status"] == "queued"
    assert studio.job(job_id)["failures"] == 0
    provider = one(db, "SELECT pauses, paused_until - now() AS pause FROM providers")
    assert provider["pauses"] == 1
    assert 3 < provider["pause"].total_seconds() <= 7


def test_after_a_pause_one_job_probes_and_success_ends_the_pause(db: Database, studio: Studio) -> None:
    studio.service.create_status = 503
    jobs = [studio.create() for _ in range(3)]
    studio.submit()
    studio.let_time_pass("paused_until", "providers")
    studio.let_time_pass("run_after")
    studio.service.create_status = 201

    studio.submit({})
    probed = studio.service.calls["create"]
    studio.submit({})

    assert len(studio.service.predictions) == 3
    assert probed == 3 + 1
    assert one(db, "SELECT pauses FROM providers")["pauses"] == 0
    assert {studio.job(job)["status"] for job in jobs} == {"processing"}


def test_an_unreachable_service_pauses_too(db: Database, studio: Studio) -> None:
    db.execute("UPDATE providers SET base_url = 'http://127.0.0.1:9'")
    job_id = studio.create()

    studio.submit()

    assert studio.job(job_id)["status"] == "queued"
    assert one(db, "SELECT pauses FROM providers")["pauses"] == 1


def test_a_lost_answer_leaves_the_attempt_unknown_and_is_never_submitted_again(studio: Studio) -> None:
    studio.service.drop_answer = True
    job_id = studio.create()

    studio.submit()
    studio.submit({})

    assert studio.service.calls["create"] == 1
    assert studio.attempt(job_id)["state"] == "unknown"
    assert studio.job(job_id)["status"] == "processing"


def test_unreadable_messages_fail_alone(studio: Studio) -> None:

    job_id = studio.create()

    answer = submit_job(sqs_event("not json", {"job_id": str(job_id)}, {"job_id": "x"}), Context())

    assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == ["message-0", "message-2"]
    assert studio.job(job_id)["status"] == "processing"


def test_providers_are_told_apart_by_name(db: Database, studio: Studio) -> None:
    insert_provider(db, "other", base_url=studio.service.url)

    job_id = studio.create(provider="other")
    studio.submit()

    assert studio.job(job_id)["provider"] == "other"
    assert "/api/callbacks/other?" in studio.service.only()["webhook"]


def test_a_job_that_goes_back_is_woken_no_earlier_than_its_time(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.service.create_status, studio.service.create_headers = 429, {"retry-after": "2"}
    sent: list[Message] = []
    job_id = studio.create()
    monkeypatch.setattr(queues, "send", lambda url, messages: sent.extend(messages))

    studio.submit()

    paused_until = one(studio.db, "SELECT paused_until FROM providers")["paused_until"]
    assert studio.job(job_id)["run_after"] == paused_until
    assert [(message.body["job_id"], message.delay_seconds) for message in sent] == [(str(job_id), 2)]


@pytest.mark.parametrize(("seconds", "delay"), [(0.0, 0), (-1.0, 0), (0.2, 1), (1.4, 2), (2.0, 2)])
def test_a_message_never_comes_before_its_time(seconds: float, delay: int) -> None:
    assert message_delay(seconds) == delay


def test_a_provider_that_is_no_longer_configured_takes_no_new_job(db: Database, studio: Studio) -> None:
    db.execute("UPDATE providers SET enabled = false")

    answer = studio.request("POST", "/api/jobs", {"card_id": str(studio.board.card_id), "params": {"prompt": "x"}})

    assert (answer.status, answer.body["error"]["code"]) == (422, "UNKNOWN_PROVIDER")
