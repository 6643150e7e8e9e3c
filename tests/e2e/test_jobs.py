"""A job's whole way over HTTP, and what can happen to it."""

import asyncio
import hashlib
from typing import Any

import httpx

from support.stack import User


async def accepted_by_service(control: httpx.AsyncClient, job_id: str) -> list[dict[str, Any]]:
    """Return what the service accepted for a job, and what happened to it."""
    answer = await control.get("/control/predictions", params={"webhook_contains": job_id})
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


async def test_a_card_gets_a_picture_and_an_approved_asset(alice: User) -> None:
    card = await alice.make_card()
    job_id = await alice.create_job(card)

    job = await alice.ended(job_id)
    candidates = await alice.call("GET", f"/api/cards/{card['id']}/candidates")
    asset = await alice.call("POST", f"/api/cards/{card['id']}/approve", {"job_id": job_id}, expect=201)
    async with httpx.AsyncClient() as anyone:
        picture = await anyone.get(asset["url"])

    assert (job["status"], job["media_type"], job["attempt"]) == ("completed", "image/png", 1)
    assert [candidate["job_id"] for candidate in candidates["items"]] == [job_id]
    assert picture.content.startswith(b"\x89PNG")
    assert (await alice.call("GET", f"/api/cards/{card['id']}"))["status"] == "approved"


async def test_two_jobs_make_two_different_pictures(alice: User) -> None:
    card = await alice.make_card()
    jobs = [await alice.create_job(card, params={"prompt": "A sea", "seed": seed}) for seed in (1, 2)]

    digests = set()
    async with httpx.AsyncClient() as anyone:
        for job_id in jobs:
            picture = await anyone.get((await alice.ended(job_id))["result_url"])
            digests.add(hashlib.sha256(picture.content).hexdigest())

    assert len(digests) == 2


async def test_a_push_service_s_job_completes(alice: User) -> None:
    job_id = await alice.create_job(await alice.make_card(), provider="push")

    assert (await alice.ended(job_id))["status"] == "completed"


async def test_the_same_key_at_the_same_moment_makes_one_job(alice: User) -> None:
    card = await alice.make_card()
    body = {"card_id": card["id"], "params": {"prompt": "A lamp"}}
    key = {"idempotency-key": f"key-{card['id']}"}

    answers = await asyncio.gather(*(alice.http.post("/api/jobs", json=body, headers=key) for _ in range(4)))
    other = await alice.http.post("/api/jobs", json=body | {"priority": 1}, headers=key)

    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 202]
    assert len({answer.json()["job_id"] for answer in answers}) == 1
    assert {answer.headers.get("idempotent-replayed") for answer in answers if answer.status_code == 200} == {"true"}
    assert (other.status_code, other.json()["error"]["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_waiting_for_the_end_answers_with_the_finished_job(alice: User) -> None:
    card = await alice.make_card()

    answer = await alice.http.post(
        "/api/jobs",
        json={"card_id": card["id"], "params": {"prompt": "A lamp", "simulate": {"duration": 0.1}}},
        headers={"prefer": "wait=20"},
    )

    assert (answer.status_code, answer.json()["status"]) == (200, "completed")


async def test_cancelling_while_queued(alice: User, control: httpx.AsyncClient) -> None:
    job_id = await alice.create_job(await alice.make_card(), run_after="2099-01-01T00:00:00Z", deadline_seconds=600)

    cancelled = await alice.call("POST", f"/api/jobs/{job_id}/cancel", expect=202)
    again = await alice.call("POST", f"/api/jobs/{job_id}/cancel", expect=200)

    assert cancelled["status"] == again["status"] == "cancelled"
    assert await accepted_by_service(control, job_id) == []


async def test_cancelling_while_running_stops_the_service(alice: User, control: httpx.AsyncClient) -> None:
    job_id = await alice.create_job(await alice.make_card(), simulate={"duration": 60})
    await alice.until(job_id, "processing")

    await alice.call("POST", f"/api/jobs/{job_id}/cancel", expect=202)
    job = await alice.ended(job_id)

    assert job["status"] == "cancelled"
    (prediction,) = await accepted_by_service(control, job_id)
    assert prediction["status"] in {"canceled", "aborted"}


async def test_a_failure_is_told_and_can_be_retried(alice: User) -> None:
    card = await alice.make_card()
    failed = await alice.ended(await alice.create_job(card, simulate={"outcome": "refuse"}))

    retried = await alice.call("POST", f"/api/jobs/{failed['job_id']}/retry", expect=202)

    assert (failed["status"], failed["error_code"]) == ("failed", "content_policy")
    assert failed["error_message"]
    assert retried["retry_of"] == failed["job_id"] != retried["job_id"]


async def test_a_passing_failure_is_tried_again_by_itself(alice: User) -> None:
    simulate = {"outcome": "fail", "outcome_times": 1}

    job = await alice.ended(await alice.create_job(await alice.make_card(), simulate=simulate))

    assert (job["status"], job["attempt"]) == ("completed", 2)


async def test_a_callback_that_comes_twice_completes_once(alice: User, control: httpx.AsyncClient) -> None:
    card = await alice.make_card()
    job_id = await alice.create_job(card, simulate={"callbacks": {"times": 3}})
    await alice.ended(job_id)
    await asyncio.sleep(1)

    updates = await alice.call("GET", f"/api/cards/{card['id']}/updates?after=0")

    told = [u["data"]["status"] for u in updates["items"] if u["type"] == "job_update"]
    assert told.count("completed") == 1
    assert len(await accepted_by_service(control, job_id)) == 1


async def test_without_callbacks_the_checks_complete_the_job(alice: User) -> None:
    job_id = await alice.create_job(await alice.make_card(), simulate={"callbacks": {"none": True}})

    assert (await alice.ended(job_id))["status"] == "completed"


async def test_a_callback_with_a_bad_signature_is_refused_and_harmless(alice: User, control: httpx.AsyncClient) -> None:
    job_id = await alice.create_job(await alice.make_card(), simulate={"callbacks": {"signature": "bad"}})

    assert (await alice.ended(job_id))["status"] == "completed"
    (prediction,) = await accepted_by_service(control, job_id)
    statuses = {status for callback in prediction["callbacks"] for status in callback["answers"]}
    assert statuses == {401}


async def test_a_lost_answer_is_settled_by_the_callback(alice: User, control: httpx.AsyncClient) -> None:
    job_id = await alice.create_job(await alice.make_card(), simulate={"drop_response": True})

    job = await alice.ended(job_id)

    assert (job["status"], job["attempt"]) == ("completed", 1)
    assert len(await accepted_by_service(control, job_id)) == 1


async def test_a_rate_limited_service_gets_the_job_later(alice: User) -> None:
    job_id = await alice.create_job(await alice.make_card(), simulate={"http_status": 429, "retry_after": 1})

    job = await alice.ended(job_id)

    assert job["status"] == "completed"


async def test_a_deadline_ends_a_job(alice: User) -> None:
    job_id = await alice.create_job(await alice.make_card(), deadline_seconds=3, simulate={"duration": 120})

    job = await alice.ended(job_id, seconds=100)

    assert (job["status"], job["error_code"]) == ("failed", "deadline")


async def test_bad_input_is_answered_in_the_one_envelope(alice: User) -> None:
    card = await alice.make_card()
    good = {"card_id": card["id"], "params": {"prompt": "A lamp"}}
    cases = {
        (400, "MALFORMED_JSON"): {"content": b"{"},
        (413, "PAYLOAD_TOO_LARGE"): {"content": b'{"a":"' + b"x" * 300_000 + b'"}'},
        (422, "VALIDATION_ERROR"): {"json": good | {"colour": "red"}},
        (422, "UNKNOWN_PROVIDER"): {"json": good | {"provider": "nobody"}},
        (404, "CARD_NOT_FOUND"): {"json": good | {"card_id": "0198f2a0-0000-7000-8000-000000000001"}},
        (422, "CALLBACK_URL_NOT_OFFERED"): {"json": good | {"callback_url": "https://example.com"}},
    }

    for (status, code), request in cases.items():
        answer = await alice.http.post("/api/jobs", headers={"content-type": "application/json"}, **request)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
        assert set(answer.json()["error"]) == {"code", "message", "details", "request_id"}

    assert (await alice.call("GET", f"/api/jobs?card_id={card['id']}"))["items"] == []


async def test_an_unknown_route_is_our_own_404(alice: User) -> None:
    assert (await alice.call("GET", "/api/nothing/here", expect=404))["error"]["code"] == "ROUTE_NOT_FOUND"
