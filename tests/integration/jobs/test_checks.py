"""Checking, storing outputs, ending."""

import hashlib
from uuid import UUID

import boto3
import pytest

from support.board import one
from support.service import PNG
from support.statements import counted

from .conftest import Studio


def running(studio: Studio, **body: object) -> UUID:
    job_id = studio.create(**body)
    studio.submit()
    studio.cloud.messages(studio.cloud.checks_queue_url)
    return job_id


def test_a_finished_prediction_is_stored_before_the_job_is_completed(studio: Studio) -> None:
    job_id = running(studio)
    studio.service.finish()

    studio.check()

    job = studio.job(job_id)
    assert job["status"] == "completed"
    assert job["result_url"] == f"outputs/alice/{studio.board.project_id}/{job_id}/1.png"
    stored = boto3.client("s3").get_object(Bucket=studio.cloud.assets_bucket, Key=job["result_url"])
    assert stored["Body"].read() == PNG
    assert stored["ContentType"] == job["media_type"] == "image/png"
    assert (job["output_bytes"], job["output_sha256"]) == (len(PNG), hashlib.sha256(PNG).hexdigest())
    assert studio.attempt(job_id)["state"] == "succeeded"


def test_the_answer_holds_a_url_of_the_output(studio: Studio) -> None:
    job_id = running(studio)
    studio.service.finish()
    studio.check()

    shown = studio.request("GET", f"/api/jobs/{job_id}").body

    assert shown["status"] == "completed"
    assert f"{job_id}/1.png" in shown["result_url"]
    assert "Signature" in shown["result_url"]
    assert shown["result_url_expires_at"]


def test_a_running_prediction_is_checked_again_later(studio: Studio) -> None:
    job_id = running(studio)

    studio.check({"job_id": str(job_id), "attempt": 1, "seq": 1})

    assert studio.job(job_id)["status"] == "processing"
    attempt = studio.attempt(job_id)
    assert (attempt["state"], attempt["check_seq"]) == ("submitted", 2)


def test_a_stale_check_message_is_dropped(studio: Studio) -> None:
    job_id = running(studio)
    ticket = {"job_id": str(job_id), "attempt": 1, "seq": 1}
    studio.check(ticket)
    asked = studio.service.calls["get"]

    studio.check(ticket, ticket)

    assert studio.service.calls["get"] == asked


def test_progress_is_told_when_it_changes(studio: Studio) -> None:
    job_id = running(studio)
    studio.service.only()["progress"] = 0.4

    studio.check()
    studio.check()

    assert studio.job(job_id)["progress"] == pytest.approx(0.4)
    assert studio.statuses(job_id) == ["queued", "processing", "processing"]


def test_a_failed_prediction_is_tried_again_and_its_attempts_are_kept(studio: Studio) -> None:
    job_id = running(studio)
    studio.service.finish("failed", error="CUDA out of memory")
    studio.check()
    assert studio.job(job_id)["status"] == "queued"

    studio.let_time_pass("run_after")
    studio.submit({})
    studio.service.finish()
    studio.check()

    assert studio.job(job_id)["status"] == "completed"
    rows = studio.db.execute("SELECT attempt, state, error_message FROM job_attempts ORDER BY attempt").fetchall()
    assert [(row["attempt"], row["state"], row["error_message"]) for row in rows] == [
        (1, "failed", "CUDA out of memory"),
        (2, "succeeded", None),
    ]


def test_attempts_end_at_the_provider_s_limit(studio: Studio) -> None:
    studio.db.execute("UPDATE providers SET max_attempts = 2")
    job_id = running(studio)
    studio.service.finish("failed", error="CUDA out of memory")
    studio.check()
    studio.let_time_pass("run_after")
    studio.submit({})
    studio.service.finish("failed", error="CUDA out of memory")

    studio.check()

    job = studio.job(job_id)
    assert (job["status"], job["error_code"], job["error_message"]) == (
        "failed",
        "provider_unavailable",
        "CUDA out of memory",
    )


def test_a_content_policy_failure_is_final(studio: Studio) -> None:
    job_id = running(studio)
    studio.service.finish("failed", error="NSFW content detected")

    studio.check()

    assert (studio.job(job_id)["status"], studio.job(job_id)["error_code"]) == ("failed", "content_policy")
    assert studio.service.calls["create"] == 1


def test_a_service_that_cannot_say_just_now_fails_nothing(studio: Studio) -> None:
    job_id = running(studio)
    studio.service.get_status = 500

    studio.check()

    assert studio.job(job_id)["status"] == "processing"
    assert studio.attempt(job_id)["state"] == "submitted"


def test_an_output_of_a_forbidden_type_fails_the_job(studio: Studio) -> None:
    studio.service.output_type = "text/html"
    job_id = running(studio)
    studio.service.finish()

    studio.check()

    assert (studio.job(job_id)["status"], studio.job(job_id)["error_code"]) == ("failed", "output_unavailable")


def test_an_output_on_a_host_that_is_not_allowed_is_never_fetched(studio: Studio) -> None:
    job_id = running(studio)
    studio.service.finish(output="http://169.254.169.254/latest/meta-data")

    studio.check()

    assert studio.job(job_id)["error_code"] == "output_unavailable"


def test_cancelling_a_queued_job_ends_it_at_once(studio: Studio) -> None:
    job_id = studio.create()

    answer = studio.request("POST", f"/api/jobs/{job_id}/cancel")

    assert (answer.status, answer.body["status"]) == (202, "cancelled")
    studio.submit()
    assert studio.service.calls["create"] == 0


def test_cancelling_a_running_job_stops_the_prediction(studio: Studio) -> None:
    job_id = running(studio)

    answer = studio.request("POST", f"/api/jobs/{job_id}/cancel")
    assert (answer.status, answer.body["status"], answer.body["cancel_requested"]) == (202, "processing", True)
    (ticket,) = studio.cloud.messages(studio.cloud.checks_queue_url)
    studio.check(ticket)

    assert studio.job(job_id)["status"] == "cancelled"
    assert studio.service.only()["status"] == "canceled"


def test_a_job_that_finished_before_its_cancellation_is_completed(studio: Studio) -> None:
    job_id = running(studio)
    studio.service.finish()
    studio.request("POST", f"/api/jobs/{job_id}/cancel")

    studio.check()

    assert studio.job(job_id)["status"] == "completed"


def test_cancelling_an_ended_job_changes_nothing(studio: Studio) -> None:
    job_id = running(studio)
    studio.service.finish()
    studio.check()
    before = studio.job(job_id)

    answer = studio.request("POST", f"/api/jobs/{job_id}/cancel")

    assert answer.status == 200
    assert studio.job(job_id) == before


def test_retrying_a_failed_job_makes_a_new_one(studio: Studio) -> None:
    job_id = running(studio)
    studio.service.finish("failed", error="NSFW")
    studio.check()

    answer = studio.request("POST", f"/api/jobs/{job_id}/retry")

    assert answer.status == 202
    assert answer.body["retry_of"] == str(job_id)
    new = studio.job(UUID(answer.body["job_id"]))
    assert (new["status"], new["params"], new["retry_of"]) == ("queued", {"prompt": "x"}, job_id)
    assert studio.job(job_id)["status"] == "failed"


def test_retrying_a_live_or_completed_job_is_refused(studio: Studio) -> None:
    job_id = running(studio)

    live = studio.request("POST", f"/api/jobs/{job_id}/retry")
    studio.service.finish()
    studio.check()
    completed = studio.request("POST", f"/api/jobs/{job_id}/retry")

    assert {live.status, completed.status} == {409}
    assert completed.body["error"]["code"] == "JOB_STATE_CONFLICT"


@pytest.mark.parametrize("jobs", [1, 10])
def test_a_batch_of_endings_costs_a_constant_number_of_statements(studio: Studio, jobs: int) -> None:
    for _ in range(jobs):
        studio.create()
    studio.submit({})
    studio.service.finish()
    tickets = [
        {"job_id": str(row["job_id"]), "attempt": 1} for row in studio.db.execute("SELECT job_id FROM job_attempts")
    ]
    studio.cloud.published()

    with counted() as statements:
        studio.check(*tickets)

    assert len(statements) == 3, statements
    assert one(studio.db, "SELECT count(*) AS n FROM generation_jobs WHERE status = 'completed'")["n"] == jobs
    assert len(studio.cloud.published()) == jobs


def test_an_expired_job_fails_and_its_prediction_is_stopped(studio: Studio) -> None:
    job_id = running(studio)
    studio.let_time_pass("deadline_at")

    assert studio.sweep()["expired"] == 1
    job = studio.job(job_id)
    assert (job["status"], job["error_code"]) == ("failed", "deadline")
    studio.check(*studio.cloud.messages(studio.cloud.checks_queue_url))

    assert studio.service.only()["status"] == "canceled"
    assert studio.attempt(job_id)["state"] == "abandoned"


def test_an_expired_queued_job_fails(studio: Studio) -> None:
    job_id = studio.create()
    studio.let_time_pass("deadline_at")

    studio.sweep()

    assert (studio.job(job_id)["status"], studio.job(job_id)["error_code"]) == ("failed", "deadline")


def test_a_lost_check_message_is_sent_again(studio: Studio) -> None:
    job_id = running(studio)
    studio.let_time_pass("next_check_at", "job_attempts")
    studio.service.finish()

    assert studio.sweep()["overdue"] == 1
    studio.check(*studio.cloud.messages(studio.cloud.checks_queue_url))

    assert studio.job(job_id)["status"] == "completed"


def test_a_lost_wake_up_is_sent_again(studio: Studio) -> None:
    studio.create()
    studio.cloud.messages(studio.cloud.jobs_queue_url)
    studio.let_time_pass("run_after")

    assert studio.sweep()["woken"] == 1
    studio.submit()

    assert studio.service.calls["create"] == 1


def test_a_submitter_that_died_leaves_an_unknown_attempt_that_the_listing_settles(studio: Studio) -> None:
    job_id = running(studio)
    studio.db.execute(
        "UPDATE job_attempts SET state = 'submitting', provider_job_id = NULL, lease_until = now() - interval '1 s'"
    )

    done = studio.sweep()
    studio.check(*studio.cloud.messages(studio.cloud.checks_queue_url))

    assert (done["lost"], done["settled"]) == (1, 1)
    assert studio.attempt(job_id)["provider_job_id"] == studio.service.only()["id"]
    assert studio.service.calls["create"] == 1


def test_an_unknown_submission_fails_at_the_deadline(studio: Studio) -> None:
    studio.service.drop_answer = True
    job_id = running(studio)
    studio.service.predictions.clear()
    studio.sweep()
    studio.let_time_pass("deadline_at")

    studio.sweep()

    assert (studio.job(job_id)["status"], studio.job(job_id)["error_code"]) == ("failed", "submission_unknown")


def test_an_unknown_submission_is_submitted_again_only_on_the_caller_s_word(studio: Studio) -> None:
    studio.service.drop_answer = True
    kept, again = running(studio), running(studio, on_unknown="resubmit")
    studio.service.predictions.clear()
    studio.service.drop_answer = False
    studio.let_time_pass("created_at", "job_attempts")

    studio.sweep()
    studio.submit()

    assert studio.attempt(again)["attempt"] == 2
    assert (studio.attempt(kept)["attempt"], studio.attempt(kept)["state"]) == (1, "unknown")
