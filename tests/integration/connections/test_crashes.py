"""What is left when a function dies at one of its crash points, and how it goes on."""

from collections.abc import Callable

import pytest

from callboard.connections import recovery, service
from callboard.database import Database
from issue_ticket.handler import lambda_handler as issue_ticket
from support.board import Board
from support.lambdas import ALICE, call_http

from .conftest import Clients
from .happenings import deliver, items, record


class Crash(BaseException):
    """Stands for the death of the process: nothing catches it."""


@pytest.fixture
def crash_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    def arm(point: str, correlation_id: str) -> None:
        armed = [(point, correlation_id)]

        def crash_point(name: str, correlation: str | None = None) -> None:
            if armed == [(name, correlation)]:
                armed.clear()
                raise Crash

        monkeypatch.setattr(service, "crash_point", crash_point)
        monkeypatch.setattr(recovery, "crash_point", crash_point)

    return arm


def open_as(clients: Clients, connection_id: str, correlation_id: str) -> int:
    """Open a connection with a ticket that was asked for under a correlation id."""
    headers = {"X-Correlation-Id": correlation_id}
    answer = call_http(issue_ticket, "POST", "/api/connections/ticket", claims=ALICE, headers=headers)
    return clients.connect(connection_id, answer.body["ticket"])


@pytest.mark.parametrize(("point", "left"), [("ws_connect.after_ticket", 0), ("ws_connect.after_register", 2)])
def test_connecting_works_with_another_ticket(
    clients: Clients, crash_at: Callable[[str, str], None], point: str, left: int
) -> None:
    crash_at(point, "mine")
    with pytest.raises(Crash):
        open_as(clients, "c1", "mine")
    assert len(items("connections")) == left

    assert open_as(clients, "c2", "mine") == 200


@pytest.mark.parametrize("point", ["ws_message.after_register", "ws_message.after_read"])
def test_subscribing_again_brings_what_was_missed(
    clients: Clients, db: Database, board: Board, crash_at: Callable[[str, str], None], point: str
) -> None:
    open_as(clients, "c1", "mine")
    crash_at(point, "mine")
    request = {"type": "subscribe", "context_id": str(board.card_id), "since": {"offset": 0}}
    with pytest.raises(Crash):
        clients.say("c1", request)
    assert clients.endpoint.messages("c1") == []

    deliver(*record(db, board))
    acknowledged, *missed = clients.say("c1", request)

    assert [message["offset"] for message in clients.endpoint.messages("c1")] == [2, 2, 1, 2]
    assert (acknowledged["type"], [message["offset"] for message in missed]) == ("subscribed", [1, 2])


@pytest.mark.parametrize(("point", "posts"), [("notify.before_post", 1), ("notify.after_post", 2)])
def test_the_batch_that_comes_back_is_delivered(
    clients: Clients, db: Database, board: Board, crash_at: Callable[[str, str], None], point: str, posts: int
) -> None:
    clients.open("c1")
    clients.say("c1", {"type": "subscribe", "context_id": str(board.card_id)})
    events = record(db, board)
    crash_at(point, events[0]["correlation_id"])
    with pytest.raises(Crash):
        deliver(*events)

    assert deliver(*events) == {"batchItemFailures": []}

    assert [message["offset"] for message in clients.endpoint.messages("c1")[1:]] == [2] * posts


def test_disconnecting_has_left_nothing_by_then(
    clients: Clients, board: Board, crash_at: Callable[[str, str], None]
) -> None:
    open_as(clients, "c1", "mine")
    clients.say("c1", {"type": "subscribe", "context_id": str(board.card_id)})
    crash_at("ws_disconnect.after_delete", "mine")

    with pytest.raises(Crash):
        clients.close("c1")

    assert items("connections") == []
