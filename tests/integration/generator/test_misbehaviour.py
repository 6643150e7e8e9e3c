"""Each way to misbehave, seen from the client."""

import time
from uuid import uuid4

import httpx
import pytest

from support.generator import Api, running_service, until


@pytest.mark.parametrize(
    ("outcome", "words"), [("fail", "crashed"), ("refuse", "content policy"), ("invalid", "validation")]
)
def test_outcome_other_than_success_fails_with_its_text(api: Api, outcome: str, words: str) -> None:
    prediction = api.ended(api.created(simulate={"outcome": outcome})["id"])

    assert prediction["status"] == "failed"
    assert words in prediction["error"]
    assert prediction["output"] is None


def test_outcome_error_can_be_given(api: Api) -> None:
    prediction = api.ended(api.created(simulate={"outcome": "fail", "error": "Out of paint."})["id"])

    assert prediction["error"] == "Out of paint."


def test_outcome_times_later_attempts_of_a_job_succeed(api: Api) -> None:
    job = uuid4()
    statuses = [
        api.ended(
            api.created(
                webhook=f"http://127.0.0.1:1/callbacks?job_id={job}&attempt={attempt}",
                webhook_events_filter=[],
                simulate={"outcome": "fail", "outcome_times": 1},
            )["id"]
        )["status"]
        for attempt in (1, 2)
    ]

    assert statuses == ["failed", "succeeded"]


def test_http_status_is_answered_the_first_times_a_job(api: Api) -> None:
    job = uuid4()
    simulate = {"http_status": 429, "http_times": 2, "retry_after": 7}
    answers = [
        api.create(
            webhook=f"http://127.0.0.1:1/callbacks?job_id={job}&attempt={attempt}",
            webhook_events_filter=[],
            simulate=simulate,
        )
        for attempt in (1, 2, 3)
    ]

    assert [answer.status_code for answer in answers] == [429, 429, 201]
    assert answers[0].headers["retry-after"] == "7"
    assert "throttled" in answers[0].json()["detail"]
    [accepted] = api.accepted(str(job))
    assert accepted["calls"]["create"] == 3


def test_http_status_is_counted_by_key_where_one_is_given(api: Api) -> None:
    simulate = {"http_status": 500, "key": uuid4().hex}

    assert [api.create(simulate=simulate).status_code for _ in range(2)] == [500, 201]


def test_create_delay_holds_the_answer_back_while_work_goes_on(api: Api) -> None:
    started = time.monotonic()

    prediction = api.created(simulate={"create_delay": 0.4, "duration": 0, "start_delay": 0})

    assert time.monotonic() - started >= 0.4
    assert prediction["status"] == "succeeded"


def test_drop_response_closes_the_connection_but_the_prediction_exists(api: Api) -> None:
    url = f"http://127.0.0.1:1/{uuid4()}"

    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        api.create(webhook=url, webhook_events_filter=[], simulate={"drop_response": True})

    [accepted] = api.accepted(url)
    assert api.ended(accepted["id"])["status"] == "succeeded"


def test_drop_response_without_acceptance_leaves_nothing(api: Api) -> None:
    url = f"http://127.0.0.1:1/{uuid4()}"
    simulate = {"drop_response": True, "accept": False, "drop_times": 1}

    with pytest.raises(httpx.RemoteProtocolError):
        api.create(webhook=url, webhook_events_filter=[], simulate=simulate)
    assert api.accepted(url) == []

    assert api.create(webhook=url, webhook_events_filter=[], simulate=simulate).status_code == 201


def test_get_status_refuses_the_first_reads(api: Api) -> None:
    prediction = api.created(simulate={"get_status": 500, "get_times": 2})

    path = f"/v1/predictions/{prediction['id']}"
    assert [api.client.get(path).status_code for _ in range(3)] == [500, 500, 200]


def test_ignore_cancel_finishes_anyway(api: Api) -> None:
    prediction = api.created(simulate={"ignore_cancel": True, "duration": 8}, headers={"cancel-after": "0s"})

    answer = api.client.post(f"/v1/predictions/{prediction['id']}/cancel")

    assert answer.json()["status"] in {"starting", "processing"}
    assert api.ended(prediction["id"])["status"] == "succeeded"


@pytest.mark.parametrize("status", ["canceled", "aborted"])
def test_cancel_to_is_how_a_cancelled_prediction_ends(api: Api, status: str) -> None:
    prediction = api.created(simulate={"cancel_to": status, "duration": 600})

    assert api.client.post(f"/v1/predictions/{prediction['id']}/cancel").json()["status"] == status


def output_of(api: Api, **simulate: object) -> str:
    url: str = api.ended(api.created(simulate={"duration": 0, "start_delay": 0, **simulate})["id"])["output"][0]
    return url


def test_output_missing_is_404(api: Api) -> None:
    assert api.client.get(output_of(api, output="missing")).status_code == 404


def test_output_empty_is_a_picture_of_no_bytes(api: Api) -> None:
    answer = api.client.get(output_of(api, output="empty"))

    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"", "image/png")


def test_output_wrong_type_is_html(api: Api) -> None:
    answer = api.client.get(output_of(api, output="wrong_type"))

    assert answer.headers["content-type"].startswith("text/html")


def test_output_redirect_points_where_it_was_told(api: Api) -> None:
    answer = api.client.get(output_of(api, output="redirect", redirect_to="http://169.254.169.254/latest"))

    assert (answer.status_code, answer.headers["location"]) == (302, "http://169.254.169.254/latest")


def test_output_huge_streams_as_much_as_it_was_told_without_saying_how_much(api: Api) -> None:
    answer = api.client.get(output_of(api, output="huge", output_bytes=3_000_000))

    assert len(answer.content) == 3_000_000
    assert "content-length" not in answer.headers


def test_output_slow_takes_its_time(api: Api) -> None:
    started = time.monotonic()

    answer = api.client.get(output_of(api, output="slow", output_seconds=0.4))

    assert time.monotonic() - started >= 0.4
    assert answer.content.startswith(b"\x89PNG")


@pytest.mark.parametrize("status", [429, 503])
def test_outage_refuses_everything_for_a_while(status: int) -> None:
    with running_service() as client:
        api = Api(client)
        prediction = api.created()
        outage = {"seconds": 60, "status": status, "retry_after": 2}
        assert client.post("/control/outage", json=outage).status_code == 204

        answers = [api.create(), client.get(f"/v1/predictions/{prediction['id']}"), client.get("/v1/predictions")]
        assert [answer.status_code for answer in answers] == [status] * 3
        assert {answer.headers["retry-after"] for answer in answers} == {"2"}

        assert client.delete("/control/outage").status_code == 204
        assert api.create().status_code == 201


def test_outage_ends_by_itself() -> None:
    with running_service() as client:
        client.post("/control/outage", json={"seconds": 0.2})
        assert Api(client).create().status_code == 503

        until(lambda: Api(client).create().status_code == 201)


def test_reset_forgets_predictions_counts_and_outages() -> None:
    with running_service() as client:
        api = Api(client)
        simulate = {"http_status": 500, "key": "k"}
        assert api.create(simulate=simulate).status_code == 500
        prediction = api.created(simulate={"duration": 600})
        client.post("/control/outage", json={"seconds": 60})

        assert client.post("/control/reset").status_code == 204

        assert api.accepted("") == []
        assert client.get(f"/v1/predictions/{prediction['id']}").status_code == 404
        assert api.create(simulate=simulate).status_code == 500


def test_control_counts_what_happened_to_a_prediction(api: Api) -> None:
    url = f"http://127.0.0.1:1/{uuid4()}"
    prediction = api.created(webhook=url, webhook_events_filter=[], simulate={"duration": 600})
    for _ in range(2):
        api.get(prediction["id"])
    api.client.post(prediction["urls"]["cancel"])

    [accepted] = api.accepted(url)

    assert accepted["id"] == prediction["id"]
    assert accepted["calls"] == {"create": 1, "get": 2, "cancel": 1}
    assert accepted["callback_attempts"] == 0
    assert api.accepted("http://127.0.0.1:1/no-such") == []
