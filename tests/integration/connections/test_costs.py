"""What following costs: a constant number of calls, whatever there is to read."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from callboard import aws
from callboard.connections import repository
from callboard.database import Database
from support.board import Board
from support.statements import counted

from .conftest import Clients
from .happenings import add_cards, deliver, make_card, record


@contextmanager
def counted_calls() -> Iterator[list[str]]:
    """Collect the operations that go to DynamoDB inside the block, in order."""
    calls: list[str] = []

    def count(model: Any, **_: Any) -> None:
        calls.append(model.name)

    events = aws.dynamodb().meta.events
    events.register("before-parameter-build.dynamodb", count)
    try:
        yield calls
    finally:
        events.unregister("before-parameter-build.dynamodb", count)


def test_connecting_takes_three_calls(clients: Clients) -> None:
    ticket = clients.ticket()

    with counted_calls() as calls:
        assert clients.connect("c1", ticket) == 200

    assert calls == ["DeleteItem", "Query", "BatchWriteItem"]


@pytest.mark.parametrize("contexts", [1, 10])
def test_disconnecting_takes_three_calls_whatever_was_followed(
    clients: Clients, db: Database, board: Board, contexts: int
) -> None:
    clients.open("c1")
    for _ in range(contexts):
        card = make_card(db, board)
        record(db, card)
        clients.say("c1", {"type": "subscribe", "context_id": str(card.card_id)})

    with counted_calls() as calls:
        clients.close("c1")

    assert calls == ["Query", "BatchWriteItem", "BatchWriteItem"]


@pytest.mark.parametrize("cards", [1, 50])
def test_subscribing_again_to_a_project_takes_two_calls_and_five_statements_whatever_its_size(
    clients: Clients, db: Database, board: Board, cards: int
) -> None:
    clients.open("c1")
    add_cards(db, board, cards)
    record(db, board, cards)
    since = {"offset": 0, "cards": {str(board.card_id): 1}}

    with counted_calls() as calls, counted() as statements:
        answers = clients.say("c1", {"type": "subscribe", "context_id": str(board.project_id), "since": since})

    assert len(answers) == 1 + cards
    assert calls == ["Query", "BatchWriteItem"]
    assert len(statements) == 5


def test_notifying_takes_one_call_a_context_and_no_statement(clients: Clients, db: Database, board: Board) -> None:
    clients.open("c1")
    clients.say("c1", {"type": "subscribe", "context_id": str(board.card_id)})
    events = record(db, board, 10)

    with counted_calls() as calls, counted() as statements:
        deliver(*events)

    assert calls == ["Query", "Query"]
    assert statements == []


def test_all_pages_of_a_query_are_read(clients: Clients, db: Database, board: Board) -> None:
    for number in range(5):
        clients.open(f"c{number}")
        clients.say(f"c{number}", {"type": "subscribe", "context_id": str(board.card_id)})

    def two_a_page(params: dict[str, Any], **_: Any) -> None:
        params["Limit"] = 2

    hooks = aws.dynamodb().meta.events
    hooks.register("provide-client-params.dynamodb.Query", two_a_page)
    try:
        with counted_calls() as calls:
            followers = repository.followers(board.card_id)
    finally:
        hooks.unregister("provide-client-params.dynamodb.Query", two_a_page)

    assert followers == [f"c{number}" for number in range(5)]
    assert calls == ["Query"] * 3
