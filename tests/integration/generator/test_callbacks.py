"""Callbacks arrive signed, as often, as late and as wrong as they were asked to."""

import time

import pytest
from standardwebhooks.webhooks import WebhookVerificationError

from support.generator import Api, Receiver, until


def answers_at(api: Api, url: str) -> list[int | str]:
    """Return what the callbacks to a URL were answered, as the service saw it."""
    return [answer for accepted in api.accepted(url) for each in accepted["callbacks"] for answer in each["answers"]]


def test_callbacks_start_and_completed_are_signed_predictions(api: Api, receiver: Receiver) -> None:
    url = receiver.new_url()
    prediction = api.created(webhook=url, webhook_events_filter=["start", "completed"])

    start, completed = receiver.wait(url, 2)

    assert start.verify()["status"] == "processing"
    assert completed.verify() == api.get(prediction["id"])
    assert completed.body["status"] == "succeeded"
    assert completed.body["webhook"] == url
    assert start.id != completed.id


def test_callbacks_other_secret_does_not_verify(api: Api, receiver: Receiver) -> None:
    url = receiver.new_url()
    api.created(webhook=url)

    [start, *_] = receiver.wait(url, 1)

    with pytest.raises(WebhookVerificationError):
        start.verify("whsec_" + "A" * 32)


@pytest.mark.parametrize(("events", "statuses"), [(["completed"], ["succeeded"]), (["start"], ["processing"])])
def test_callbacks_honour_the_filter(api: Api, receiver: Receiver, events: list[str], statuses: list[str]) -> None:
    url = receiver.new_url()
    prediction = api.created(webhook=url, webhook_events_filter=events)
    api.ended(prediction["id"])

    receiver.wait(url, 1)
    time.sleep(0.05)

    assert [each.body["status"] for each in receiver.at(url)] == statuses


def test_callback_of_a_cancelled_prediction_says_so(api: Api, receiver: Receiver) -> None:
    url = receiver.new_url()
    prediction = api.created(webhook=url, webhook_events_filter=["completed"], simulate={"duration": 600})
    api.client.post(f"/v1/predictions/{prediction['id']}/cancel")

    [completed] = receiver.wait(url, 1)

    assert completed.verify()["status"] == "canceled"


def test_callback_refused_is_tried_again_with_the_same_id(api: Api, receiver: Receiver) -> None:
    url = receiver.new_url(500, 302)
    api.created(webhook=url, webhook_events_filter=["completed"])

    tries = receiver.wait(url, 3)

    assert len({each.id for each in tries}) == 1
    assert len({each.content for each in tries}) == 1
    for each in tries:
        each.verify()
    until(lambda: answers_at(api, url) == [500, 302, 204])


def test_callback_always_refused_is_given_up(api: Api, receiver: Receiver) -> None:
    url = receiver.new_url(*[500] * 20)
    api.created(webhook=url, webhook_events_filter=["completed"])

    receiver.wait(url, 4)
    time.sleep(0.7)

    assert len(receiver.at(url)) == 4


def test_callback_to_nobody_is_recorded_as_unanswered(api: Api) -> None:
    url = "http://127.0.0.1:1/nobody"
    api.created(webhook=url, webhook_events_filter=["completed"])

    until(lambda: answers_at(api, url) == ["ConnectError"] * 4)
    assert api.accepted(url)[0]["callback_attempts"] == 4


def test_callbacks_twice_have_the_same_id(api: Api, receiver: Receiver) -> None:
    url = receiver.new_url()
    api.created(webhook=url, webhook_events_filter=["completed"], simulate={"callbacks": {"times": 2}})

    first, second = receiver.wait(url, 2)

    assert first.id == second.id
    assert first.body == second.body


def test_callbacks_late_come_after_the_delay(api: Api, receiver: Receiver) -> None:
    url = receiver.new_url()
    simulate = {"duration": 0, "start_delay": 0, "callbacks": {"delay": 0.3}}
    started = time.monotonic()
    api.created(webhook=url, webhook_events_filter=["completed"], simulate=simulate)

    [completed] = receiver.wait(url, 1)

    assert completed.at - started >= 0.3


def test_callbacks_reversed_start_comes_last(api: Api, receiver: Receiver) -> None:
    url = receiver.new_url()
    api.created(webhook=url, simulate={"callbacks": {"order": "reversed"}})

    statuses = [each.body["status"] for each in receiver.wait(url, 2)]

    assert statuses == ["succeeded", "processing"]


def test_callbacks_badly_signed_do_not_verify(api: Api, receiver: Receiver) -> None:
    url = receiver.new_url()
    api.created(webhook=url, webhook_events_filter=["completed"], simulate={"callbacks": {"signature": "bad"}})

    [completed] = receiver.wait(url, 1)

    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        completed.verify()


def test_callbacks_unsigned_lack_the_header(api: Api, receiver: Receiver) -> None:
    url = receiver.new_url()
    api.created(webhook=url, webhook_events_filter=["completed"], simulate={"callbacks": {"signature": "missing"}})

    [completed] = receiver.wait(url, 1)

    assert "webhook-signature" not in completed.headers
    assert {"webhook-id", "webhook-timestamp"} <= completed.headers.keys()


def test_callbacks_old_are_well_signed_an_hour_ago(api: Api, receiver: Receiver) -> None:
    url = receiver.new_url()
    api.created(webhook=url, webhook_events_filter=["completed"], simulate={"callbacks": {"signature": "old"}})

    [completed] = receiver.wait(url, 1)

    with pytest.raises(WebhookVerificationError, match="too old"):
        completed.verify()
    assert int(completed.headers["webhook-timestamp"]) < time.time() - 3000


def test_callbacks_none_nothing_arrives(api: Api, receiver: Receiver) -> None:
    url = receiver.new_url()
    api.ended(api.created(webhook=url, simulate={"callbacks": {"none": True}})["id"])

    time.sleep(0.1)

    assert receiver.at(url) == []


def test_callbacks_before_ready_announce_what_is_not_there_yet(api: Api, receiver: Receiver) -> None:
    url = receiver.new_url()
    simulate = {"duration": 10, "start_delay": 0, "callbacks": {"before_ready": True}}
    prediction = api.created(webhook=url, webhook_events_filter=["completed"], simulate=simulate)

    [early] = receiver.wait(url, 1)
    assert early.verify()["status"] == "succeeded"
    assert api.get(prediction["id"])["status"] == "processing"
    assert api.client.get(early.body["output"][0]).status_code == 404

    assert api.ended(prediction["id"])["status"] == "succeeded"
    assert api.client.get(early.body["output"][0]).status_code == 200
    time.sleep(0.05)
    assert len(receiver.at(url)) == 1
