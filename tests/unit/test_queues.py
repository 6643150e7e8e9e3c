"""Queues: ten messages a call, delays within SQS's limit, bad messages apart from good ones."""

import json
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from callboard import aws, queues
from callboard.queues import Message, QueueUnavailableError, WorkMessage
from support.lambdas import sqs_event


class Work(WorkMessage):
    """A message of a test."""

    number: int


class FakeQueue:
    """Takes messages, or refuses those of the named bodies."""

    def __init__(self) -> None:
        self.calls: list[list[dict[str, Any]]] = []
        self.refused: list[dict[str, Any]] = []
        self.error: Exception | None = None

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        self.calls.append(Entries)
        if self.error:
            raise self.error
        failed = [{"Id": entry["Id"]} for entry in Entries if json.loads(entry["MessageBody"]) in self.refused]
        return {"Failed": failed} if failed else {}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeQueue:
    made = FakeQueue()
    monkeypatch.setattr(aws, "sqs", lambda: made)
    return made


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (10, [10]), (21, [10, 10, 1])])
def test_send_puts_ten_messages_in_a_call(fake: FakeQueue, count: int, sizes: list[int]) -> None:
    queues.send("url", [Message({"number": number}) for number in range(count)])

    assert [len(call) for call in fake.calls] == sizes
    assert all(len({entry["Id"] for entry in call}) == len(call) for call in fake.calls)


@pytest.mark.parametrize(("asked", "sent"), [(0, 0), (30, 30), (900, 900), (4000, 900)])
def test_send_delays_no_longer_than_sqs_can(fake: FakeQueue, asked: int, sent: int) -> None:
    queues.send("url", [Message({}, delay_seconds=asked)])

    assert fake.calls[0][0]["DelaySeconds"] == sent


def test_send_when_some_are_refused_says_how_many_after_sending_the_rest(fake: FakeQueue) -> None:
    fake.refused = [{"number": 3}, {"number": 12}]

    with pytest.raises(QueueUnavailableError) as caught:
        queues.send("url", [Message({"number": number}) for number in range(15)])

    assert caught.value.details == {"refused": 2}
    assert [len(call) for call in fake.calls] == [10, 5]


def test_send_to_a_queue_that_does_not_answer_is_unavailable(fake: FakeQueue) -> None:
    fake.error = EndpointConnectionError(endpoint_url="http://127.0.0.1:1")

    with pytest.raises(QueueUnavailableError):
        queues.send("url", [Message({})])


def test_receive_reads_messages_in_order() -> None:
    batch = queues.receive(sqs_event({"number": 1, "correlation_id": "r1"}, {"number": 2}), Work)

    assert batch.messages == [Work(number=1, correlation_id="r1"), Work(number=2)]
    assert batch.answer() == {"batchItemFailures": []}


def test_receive_ignores_fields_that_newer_code_sends() -> None:
    assert queues.receive(sqs_event({"number": 1, "since": "later"}), Work).messages == [Work(number=1)]


@pytest.mark.parametrize("body", ["", "{", "[]", "null", {"number": "x"}, {}])
def test_receive_reports_only_the_message_that_cannot_be_read(body: Any) -> None:
    batch = queues.receive(sqs_event({"number": 1}, body, {"number": 3}), Work)

    assert [message.number for message in batch.messages] == [1, 3]
    assert batch.answer() == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}
