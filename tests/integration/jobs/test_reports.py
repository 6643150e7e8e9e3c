"""Signed callbacks and status reports."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from standardwebhooks.webhooks import Webhook

from support.aws import PROVIDER_SECRET
from support.lambdas import Answer, call_http
from support.rows import insert_provider
from update_job_status.handler import lambda_handler as update_job_status

from .conftest import Studio


def signed(
    path: str,
    body: Any,
    *,
    query: dict[str, str] | None = None,
    secret: str = PROVIDER_SECRET,
    webhook_id: str | None = None,
    at: datetime | None = None,
) -> Answer:
    """Post a body as a service does: signed over the raw bytes."""
    text = json.dumps(body)
    webhook_id, at = webhook_id or f"msg_{uuid4().hex}", at or datetime.now(UTC)
    headers = {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, text),
    }
    return call_http(update_job_status, "POST", path, raw_body=text, headers=headers, query=query)


@pytest.fixture
def pushed(studio: Studio) -> UUID:
    """Return a running job of a service that only reports."""
    insert_provider(studio.db, "push", base_url=studio.service.url, kind="push")
    job_id = studio.create(provider="push")
    studio.submit()
    studio.cloud.messages(studio.cloud.checks_queue_url)
    return job_id


def running(studio: Studio) -> UUID:
    job_id = studio.create()
    studio.submit()
    studio.cloud.messages(studio.cloud.checks_queue_url)
    return job_id


@pytest.mark.parametrize("headers", [{}, {"webhook-id": "a", "webhook-timestamp": "1", "webhook-signature": "garbage"}])
def test_an_unsigned_or_garbled_report_is_refused(studio: Studio, pushed: UUID, headers: dict[str, str]) -> None:
    answer = call_http(
        update_job_status, "POST", f"/api/jobs/{pushed}/status", body={"status": "completed"}, headers=headers
    )

    assert (answer.status, answer.body["error"]["code"]) == (401, "INVALID_SIGNATURE")


def test_a_report_signed_with_another_secret_is_refused(pushed: UUID) -> None:
    answer = signed(
        f"/api/jobs/{pushed}/status", {"status": "failed"}, secret="whsec_b3RoZXItc2VjcmV0LXRoYXQtaXMtd3Jvbmc="
    )

    assert answer.status == 401


def test_a_report_older_than_five_minutes_is_refused(pushed: UUID) -> None:
    answer = signed(f"/api/jobs/{pushed}/status", {"status": "failed"}, at=datetime.now(UTC) - timedelta(minutes=6))

    assert answer.status == 401


def test_a_report_of_an_unknown_job_is_not_found(studio: Studio) -> None:
    answer = signed(f"/api/jobs/{uuid4()}/status", {"status": "failed"})

    assert (answer.status, answer.body["error"]["code"]) == (404, "JOB_NOT_FOUND")


def test_a_push_service_s_report_completes_the_job_with_its_output(studio: Studio, pushed: UUID) -> None:
    url = f"{studio.service.url}/files/x.png"

    answer = signed(f"/api/jobs/{pushed}/status", {"status": "completed", "result_url": url})
    studio.check(*studio.cloud.messages(studio.cloud.checks_queue_url))

    assert answer.status == 202
    assert studio.job(pushed)["status"] == "completed"
    assert studio.service.calls["file"] == 1


def test_a_push_service_s_progress_is_shown(studio: Studio, pushed: UUID) -> None:
    signed(f"/api/jobs/{pushed}/status", {"status": "processing", "progress": 0.5})
    studio.check(*studio.cloud.messages(studio.cloud.checks_queue_url))

    assert studio.job(pushed)["progress"] == pytest.approx(0.5)


def test_a_push_service_s_failure_fails_the_job(studio: Studio, pushed: UUID) -> None:
    signed(f"/api/jobs/{pushed}/status", {"status": "failed", "error_message": "NSFW prompt"})
    studio.check(*studio.cloud.messages(studio.cloud.checks_queue_url))

    assert (studio.job(pushed)["status"], studio.job(pushed)["error_code"]) == ("failed", "content_policy")


def test_the_same_webhook_twice_counts_once(studio: Studio, pushed: UUID) -> None:
    report = {"status": "processing", "progress": 0.1}
    signed(f"/api/jobs/{pushed}/status", report, webhook_id="msg_1")

    answer = signed(f"/api/jobs/{pushed}/status", report, webhook_id="msg_1")

    assert (answer.status, answer.body["duplicate"]) == (202, True)
    assert len(studio.cloud.messages(studio.cloud.checks_queue_url)) == 1


def test_a_report_of_an_ended_job_is_a_conflict_and_is_kept_on_the_attempt(studio: Studio, pushed: UUID) -> None:
    studio.request("POST", f"/api/jobs/{pushed}/cancel")
    studio.check()
    assert studio.job(pushed)["status"] == "cancelled"

    answer = signed(f"/api/jobs/{pushed}/status", {"status": "completed", "result_url": "http://127.0.0.1/x.png"})

    assert (answer.status, answer.body["error"]["code"]) == (409, "JOB_STATE_CONFLICT")
    assert studio.job(pushed)["status"] == "cancelled"
    assert studio.attempt(pushed)["late_result"]["status"] == "completed"


def test_a_report_of_a_queued_job_is_a_conflict(studio: Studio) -> None:
    job_id = studio.create()

    assert signed(f"/api/jobs/{job_id}/status", {"status": "completed"}).status == 409
    assert studio.job(job_id)["status"] == "queued"


def test_a_report_of_an_earlier_attempt_is_a_conflict(studio: Studio, pushed: UUID) -> None:
    studio.db.execute("UPDATE generation_jobs SET attempt = 2 WHERE id = %s", (pushed,))

    answer = signed(f"/api/jobs/{pushed}/status", {"status": "completed"}, query={"attempt": "1"})

    assert (answer.status, answer.body["error"]["code"]) == (409, "STALE_ATTEMPT")


@pytest.mark.parametrize("body", [{"status": "queued"}, {"status": "completed", "extra": 1}, {"progress": 2}])
def test_a_report_that_is_not_one_is_refused(pushed: UUID, body: dict[str, Any]) -> None:
    assert signed(f"/api/jobs/{pushed}/status", body).status == 422


def test_a_callback_only_asks_for_a_check(studio: Studio) -> None:
    job_id = running(studio)
    query = {"job_id": str(job_id), "attempt": "1"}

    answer = signed("/api/callbacks/replicate", {"id": "p1", "status": "succeeded"}, query=query)
    studio.check(*studio.cloud.messages(studio.cloud.checks_queue_url))

    assert answer.status == 202
    assert studio.job(job_id)["status"] == "processing"
    assert studio.service.calls["get"] == 1


def test_a_callback_settles_an_attempt_whose_answer_was_lost(studio: Studio) -> None:
    studio.service.drop_answer = True
    job_id = running(studio)
    studio.service.finish()
    query = {"job_id": str(job_id), "attempt": "1"}

    signed("/api/callbacks/replicate", studio.service.only(), query=query)
    studio.check(*studio.cloud.messages(studio.cloud.checks_queue_url))

    assert studio.job(job_id)["status"] == "completed"
    assert studio.service.calls["create"] == 1


def test_a_callback_of_an_unknown_provider_is_not_found(studio: Studio) -> None:
    answer = signed("/api/callbacks/nobody", {"id": "p1"}, query={"job_id": str(uuid4()), "attempt": "1"})

    assert answer.status == 404


def test_an_unsigned_callback_is_refused(studio: Studio) -> None:
    job_id = running(studio)

    answer = call_http(
        update_job_status,
        "POST",
        "/api/callbacks/replicate",
        body={"id": "p1"},
        query={"job_id": str(job_id), "attempt": "1"},
    )

    assert answer.status == 401
    assert studio.cloud.messages(studio.cloud.checks_queue_url) == []
