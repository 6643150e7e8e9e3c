"""The bus: ten events a call, what it refuses is tried again, what it never takes is left to the relay."""

from typing import Any
from uuid import UUID

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from callboard import aws, bus
from callboard.events.models import EVENT, Event
from callboard.ids import new_id


def event(number: int) -> Event:
    project_id = new_id()
    return EVENT.validate_python(
        {
            "event_id": new_id(),
            "topic": "project.updated",
            "timestamp": "2026-11-23T08:00:00Z",
            "project_id": project_id,
            "card_id": None,
            "context_id": project_id,
            "offset": number,
            "correlation_id": "request-1",
            "data": {"change": "updated", "project_id": project_id, "name": "The Keeper", "description": ""},
        }
    )


class FakeBus:
    """Takes entries, except for those it was told to refuse that many times."""

    def __init__(self) -> None:
        self.calls: list[list[dict[str, Any]]] = []
        self.refusals: dict[str, int] = {}
        self.error: Exception | None = None

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        self.calls.append(Entries)
        if self.error:
            raise self.error
        return {"Entries": [self._answer(entry) for entry in Entries]}

    def _answer(self, entry: dict[str, Any]) -> dict[str, str]:
        event_id = str(EVENT.validate_json(entry["Detail"]).event_id)
        if self.refusals.get(event_id, 0) > 0:
            self.refusals[event_id] -= 1
            return {"ErrorCode": "ThrottlingException"}
        return {"EventId": "1"}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeBus:
    made = FakeBus()
    monkeypatch.setattr(aws, "eventbridge", lambda: made)
    return made


def ids(events: list[Event]) -> list[UUID]:
    return [one.event_id for one in events]


def test_publish_sends_the_event_in_the_agreed_form(fake: FakeBus) -> None:
    one = event(1)

    bus.publish("callboard-bus", [one])

    ((entry,),) = fake.calls
    assert (entry["Source"], entry["DetailType"], entry["EventBusName"]) == (
        "callboard",
        "project.updated",
        "callboard-bus",
    )
    assert EVENT.validate_json(entry["Detail"]) == one


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (10, [10]), (11, [10, 1]), (25, [10, 10, 5])])
def test_publish_sends_ten_events_a_call(fake: FakeBus, count: int, sizes: list[int]) -> None:
    events = [event(number + 1) for number in range(count)]

    assert bus.publish("b", events) == ids(events)
    assert [len(call) for call in fake.calls] == sizes


def test_publish_tries_only_refused_events_again(fake: FakeBus) -> None:
    events = [event(1), event(2), event(3)]
    fake.refusals[str(events[1].event_id)] = 1

    assert set(bus.publish("b", events)) == set(ids(events))
    assert [len(call) for call in fake.calls] == [3, 1]


def test_publish_leaves_what_is_refused_every_time(fake: FakeBus) -> None:
    events = [event(1), event(2)]
    fake.refusals[str(events[0].event_id)] = 99

    assert bus.publish("b", events) == [events[1].event_id]
    assert len(fake.calls) == bus.TRIES


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
        ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "PutEvents"),
    ],
)
def test_publish_to_a_bus_that_does_not_answer_takes_nothing_and_does_not_raise(
    fake: FakeBus, error: Exception
) -> None:
    fake.error = error

    assert bus.publish("b", [event(1)]) == []
