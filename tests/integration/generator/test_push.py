"""The push service only reports."""

from uuid import uuid4

import httpx
import pytest

from support.generator import Api, Receiver, running_service


def test_push_job_reports_progress_and_then_its_result(api: Api, receiver: Receiver) -> None:
    url = receiver.new_url()

    answer = api.push(url)

    assert answer.status_code == 202
    assert answer.json()["id"]
    *progress, completed = [each.verify() for each in receiver.wait(url, 3)]
    assert [each["status"] for each in progress] == ["processing", "processing"]
    assert 0 <= progress[0]["progress"] < progress[1]["progress"] < 1
    assert completed.keys() == {"status", "result_url"}
    assert completed["status"] == "completed"
    assert api.client.get(completed["result_url"]).content.startswith(b"\x89PNG")


def test_push_job_failure_says_why(api: Api, receiver: Receiver) -> None:
    url = receiver.new_url()
    api.push(url, outcome="refuse")

    *_, failed = [each.verify() for each in receiver.wait(url, 3)]

    assert failed["status"] == "failed"
    assert "content policy" in failed["error_message"]


def test_push_job_reports_have_ids_of_their_own(api: Api, receiver: Receiver) -> None:
    url = receiver.new_url(503)
    api.push(url)

    received = receiver.wait(url, 4)

    assert [each.id for each in received].count(received[0].id) == 2
    assert len({each.id for each in received}) == 3


def test_push_job_reversed_reports_its_result_first(api: Api, receiver: Receiver) -> None:
    url = receiver.new_url()
    api.push(url, callbacks={"order": "reversed"})

    statuses = [each.body["status"] for each in receiver.wait(url, 3)]

    assert statuses == ["completed", "processing", "processing"]


def test_push_job_http_status_counts_attempts_together(api: Api) -> None:
    url = f"http://127.0.0.1:1/api/jobs/{uuid4()}/status?attempt="

    answers = [api.push(f"{url}{attempt}", http_status=503, callbacks={"none": True}) for attempt in (1, 2)]

    assert [answer.status_code for answer in answers] == [503, 202]


def test_push_job_drop_response_reports_all_the_same(api: Api, receiver: Receiver) -> None:
    url = receiver.new_url()

    with pytest.raises(httpx.RemoteProtocolError):
        api.push(url, drop_response=True)

    assert receiver.wait(url, 3)[-1].verify()["status"] == "completed"


def test_push_job_cannot_be_asked_about(api: Api, receiver: Receiver) -> None:
    identity = api.push(receiver.new_url()).json()["id"]

    assert api.client.get(f"/push/jobs/{identity}").status_code == 404
    assert api.client.get(f"/v1/predictions/{identity}").status_code == 404
    assert api.client.post(f"/v1/predictions/{identity}/cancel").status_code == 404


@pytest.mark.parametrize(
    "change",
    [{"job_id": "x"}, {"attempt": 0}, {"status_url": "x"}, {"params": {}}, {"extra": 1},
     {"params": {"prompt": "x", "simulate": {"ignore_cancel": True}}}],
)  # fmt: skip
def test_push_job_with_a_bad_body_is_refused(service: httpx.Client, change: dict[str, object]) -> None:
    body = {"job_id": str(uuid4()), "attempt": 1, "params": {"prompt": "x"}, "status_url": "http://127.0.0.1:1/"}

    answer = service.post("/push/jobs", json=body | change)

    assert answer.status_code == 422
    assert answer.json()["invalid_fields"]


def test_push_job_during_an_outage_is_refused(receiver: Receiver) -> None:
    with running_service() as client:
        client.post("/control/outage", json={"seconds": 60, "status": 429})

        assert Api(client).push(receiver.new_url()).status_code == 429
