"""Creating jobs: who may, all or nothing, each request once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from callboard import queues
from callboard.database import connect
from callboard.jobs import repository
from callboard.jobs.repository import IdempotencyKey, JobSpec
from create_job.handler import lambda_handler as create_job
from support.board import make_board, one
from support.lambdas import ALICE, BOB, call_http
from support.rows import insert_card
from support.statements import counted

from .conftest import Studio


def body(studio: Studio, **more: Any) -> dict[str, Any]:
    return {"card_id": str(studio.board.card_id), "params": {"prompt": "A lamp"}} | more


def jobs(studio: Studio) -> int:
    count: int = one(studio.db, "SELECT count(*) AS n FROM generation_jobs")["n"]
    return count


def test_without_a_token_nothing_is_created(studio: Studio) -> None:
    assert call_http(create_job, "POST", "/api/jobs", body=body(studio)).status == 401
    assert jobs(studio) == 0


@pytest.mark.parametrize("whose", ["another tenant's", "nobody's"])
def test_a_card_that_is_not_one_s_own_is_not_found(studio: Studio, whose: str) -> None:
    card = str(studio.board.card_id) if whose == "another tenant's" else str(uuid4())

    answer = call_http(create_job, "POST", "/api/jobs", body=body(studio, card_id=card), claims=BOB)

    assert (answer.status, answer.body["error"]["code"]) == (404, "CARD_NOT_FOUND")
    assert jobs(studio) == 0


def test_a_job_is_accepted_with_its_address(studio: Studio) -> None:
    answer = studio.request("POST", "/api/jobs", body(studio))

    assert answer.status == 202
    assert answer.body["status"] == "queued"
    assert answer.headers["Location"] == f"/api/jobs/{answer.body['job_id']}"


def test_accepting_costs_one_statement_and_one_send(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    sends: list[int] = []
    monkeypatch.setattr(queues, "send", lambda url, messages: sends.append(len(messages)))
    studio.request("POST", "/api/jobs", body(studio))
    sends.clear()

    with counted() as statements:
        studio.request("POST", "/api/jobs", body(studio), headers={"idempotency-key": "k"})

    assert len(statements) == 1
    assert sends == [1]


def test_a_lost_wake_up_leaves_the_job_accepted(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(url: str, messages: Any) -> None:
        raise queues.QueueUnavailableError

    with monkeypatch.context() as patched:
        patched.setattr(queues, "send", broken)
        assert studio.request("POST", "/api/jobs", body(studio)).status == 202
    studio.let_time_pass("run_after")

    assert studio.sweep()["woken"] == 1


def test_a_batch_is_accepted_whole_or_not_at_all(studio: Studio) -> None:
    good, bad = body(studio), body(studio, card_id=str(uuid4()))

    refused = studio.request("POST", "/api/jobs/batch", {"jobs": [good, bad, good]})
    accepted = studio.request("POST", "/api/jobs/batch", {"jobs": [good, good]})

    assert (refused.status, refused.body["error"]["details"]) == (404, {"card_ids": [bad["card_id"]]})
    assert accepted.status == 202
    assert [job["status"] for job in accepted.body["jobs"]] == ["queued", "queued"]
    assert jobs(studio) == 2


def test_a_batch_over_several_cards_counts_each_card_s_events(studio: Studio) -> None:
    other = str(insert_card(studio.db, studio.board.activity_id, position=1))
    cards = [str(studio.board.card_id), other, other, str(studio.board.card_id), other]

    studio.request("POST", "/api/jobs/batch", {"jobs": [body(studio, card_id=card) for card in cards]})

    rows = studio.db.execute(
        "SELECT context_id::text AS card, context_offset AS n FROM events ORDER BY 1, 2"
    ).fetchall()
    assert sorted((row["card"], row["n"]) for row in rows) == sorted(
        [(cards[0], 1), (cards[0], 2), (other, 1), (other, 2), (other, 3)]
    )


@pytest.mark.parametrize("count", [0, 101])
def test_a_batch_has_one_to_a_hundred_jobs(studio: Studio, count: int) -> None:
    assert studio.request("POST", "/api/jobs/batch", {"jobs": [body(studio)] * count}).status == 422


def test_the_same_key_gives_the_first_answer_and_wakes_nobody_again(studio: Studio) -> None:
    key = {"idempotency-key": "k"}
    first = studio.request("POST", "/api/jobs", body(studio), headers=key)
    studio.cloud.messages(studio.cloud.jobs_queue_url)

    again = studio.request("POST", "/api/jobs", body(studio), headers=key)

    assert (again.status, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert again.body == first.body
    assert jobs(studio) == 1
    assert studio.cloud.messages(studio.cloud.jobs_queue_url) == []


def test_the_same_key_with_another_body_is_refused(studio: Studio) -> None:
    key = {"idempotency-key": "k"}
    studio.request("POST", "/api/jobs", body(studio), headers=key)

    answer = studio.request("POST", "/api/jobs", body(studio, priority=1), headers=key)

    assert (answer.status, answer.body["error"]["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


def test_keys_of_different_callers_are_different_keys(studio: Studio) -> None:
    other = make_board(studio.db, "bob")
    key = {"idempotency-key": "k"}
    studio.request("POST", "/api/jobs", body(studio), headers=key)

    answer = studio.request("POST", "/api/jobs", body(studio, card_id=str(other.card_id)), headers=key, claims=BOB)

    assert answer.status == 202
    assert ALICE["sub"] != BOB["sub"]


def test_a_refused_request_uses_no_key_up(studio: Studio) -> None:
    key = {"idempotency-key": "k"}
    studio.request("POST", "/api/jobs", body(studio, card_id=str(uuid4())), headers=key)

    assert studio.request("POST", "/api/jobs", body(studio), headers=key).status == 202


def test_the_same_key_at_the_same_moment_makes_one_job(studio: Studio, database_url: str) -> None:
    def create(number: int) -> list[str]:
        spec = JobSpec(uuid4(), studio.board.card_id, "replicate", {}, 0, None, 60, "fail")
        with connect(database_url) as own:
            creation = repository.create(
                own,
                [spec],
                tenant="alice",
                caller="user",
                correlation_id="c",
                thread_id=None,
                key=IdempotencyKey("k", "POST /api/jobs", "digest"),
            )
        return [str(job_id) for job_id in creation.first_job_ids]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(create, range(8)))

    assert jobs(studio) == 1
    assert all(answer == answers[0] for answer in answers)


def test_pages_of_a_list_have_no_gap_and_no_double(studio: Studio) -> None:
    made = [str(studio.create()) for _ in range(7)]
    found: list[str] = []
    cursor = None
    while True:
        query = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
        page = studio.request("GET", "/api/jobs", query=query).body
        found += [job["job_id"] for job in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert found == list(reversed(made))


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "201"}, {"cursor": "!!!"}, {"status": "lost"}, {"card_id": "x"}]
)
def test_a_list_s_wrong_parameters_are_refused(studio: Studio, query: dict[str, str]) -> None:
    assert studio.request("GET", "/api/jobs", query=query).status == 422


def reasons(studio: Studio, job_id: Any) -> list[str]:
    return [reason["code"] for reason in studio.request("GET", f"/api/jobs/{job_id}/explain").body["reasons"]]


def test_explain_names_what_holds_a_job_back(studio: Studio) -> None:
    first, second = studio.create(), studio.create()
    assert reasons(studio, first) == ["about_to_start"]
    assert reasons(studio, second) == ["queue_place"]

    studio.db.execute("UPDATE providers SET paused_until = now() + interval '1 minute'")
    assert reasons(studio, first) == ["provider_paused"]
    studio.db.execute("UPDATE providers SET paused_until = NULL, enabled = false")
    assert reasons(studio, first) == ["provider_disabled"]
    studio.db.execute("UPDATE providers SET enabled = true, max_in_flight = 1, max_in_flight_per_tenant = 1")
    studio.submit({})
    assert reasons(studio, first) == ["running"]
    assert set(reasons(studio, second)) == {"provider_limit", "tenant_limit"}
    later = studio.create(run_after="2099-01-01T00:00:00Z")
    assert "run_after" in reasons(studio, later)

    studio.request("POST", f"/api/jobs/{first}/cancel")
    assert reasons(studio, first) == ["cancel_requested"]
    studio.check()
    assert reasons(studio, first) == ["ended"]


@pytest.mark.parametrize("name", ["nul\x00", "half \ud83d"])
def test_a_provider_s_name_that_the_database_cannot_hold_is_refused(studio: Studio, name: str) -> None:
    answer = studio.request("POST", "/api/jobs", body(studio, provider=name))

    assert (answer.status, answer.body["error"]["details"]["fields"][0]["field"]) == (422, "provider")
