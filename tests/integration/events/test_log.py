"""The log: offsets without a gap, whoever writes; events that reach the bus sooner or later."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest

from callboard import aws
from callboard.database import Database, connect
from callboard.ids import new_id
from callboard.jobs import repository
from callboard.jobs.repository import JobSpec
from relay_events.handler import lambda_handler as relay_events
from support.aws import FakeCloud
from support.board import Board, make_board
from support.lambdas import Context
from support.rows import insert_card, insert_provider

WRITERS = 4
ROUNDS = 15


@pytest.fixture
def board(db: Database) -> Board:
    insert_provider(db)
    return make_board(db)


def create(db: Database, *cards: UUID) -> None:
    """Create a job on each card: one event each, all in one statement."""
    specs = [JobSpec(new_id(), card, "replicate", {"prompt": "x"}, 0, None, 3600, "fail") for card in cards]
    creation = repository.create(db, specs, tenant="alice", caller="user", correlation_id="c", thread_id=None, key=None)
    assert creation.created


def offsets(db: Database, context_id: UUID) -> list[int]:
    rows = db.execute("SELECT context_offset FROM events WHERE context_id = %s ORDER BY 1", (context_id,))
    return [row["context_offset"] for row in rows]


def test_writers_at_once_leave_no_gap_and_no_double(db: Database, database_url: str, board: Board) -> None:
    def write(_: int) -> None:
        with connect(database_url) as own:
            for _ in range(ROUNDS):
                create(own, board.card_id)

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))

    assert offsets(db, board.card_id) == list(range(1, WRITERS * ROUNDS + 1))


def test_batches_over_the_same_cards_in_opposite_orders_do_not_deadlock(
    db: Database, database_url: str, board: Board
) -> None:
    cards = [board.card_id, *(insert_card(db, board.activity_id, position=n) for n in range(1, 4))]

    def write(writer: int) -> None:
        with connect(database_url) as own:
            for _ in range(ROUNDS):
                create(own, *(cards if writer % 2 else reversed(cards)))

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))

    for card in cards:
        assert offsets(db, card) == list(range(1, WRITERS * ROUNDS + 1))


def test_a_change_rolled_back_leaves_no_event_and_no_hole(db: Database, board: Board) -> None:
    with db.transaction(force_rollback=True):
        create(db, board.card_id)

    create(db, board.card_id)

    assert offsets(db, board.card_id) == [1]


def age(db: Database) -> None:
    db.execute("UPDATE events SET created_at = created_at - interval '1 minute'")


def unpublished(db: Database) -> int:
    row = db.execute("SELECT count(*) AS n FROM events WHERE published_at IS NULL").fetchone()
    assert row is not None
    count: int = row["n"]
    return count


def test_stragglers_are_published_once(db: Database, cloud: FakeCloud, board: Board) -> None:
    for _ in range(12):
        create(db, board.card_id)
    age(db)

    first, second = relay_events({}, Context()), relay_events({}, Context())

    assert (first, second) == ({"published": 12}, {"published": 0})
    assert sorted(event["offset"] for event in cloud.published()) == list(range(1, 13))
    assert unpublished(db) == 0


def test_events_still_in_their_makers_hands_are_left_alone(db: Database, cloud: FakeCloud, board: Board) -> None:
    create(db, board.card_id)

    assert relay_events({}, Context()) == {"published": 0}
    assert cloud.published() == []


def test_what_the_bus_does_not_take_stays_for_the_next_relay(
    db: Database, cloud: FakeCloud, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        create(db, board.card_id)
    age(db)

    class Refusing:
        """Takes the first entry of each call only."""

        def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # boto3's name
            return {"Entries": [{"EventId": "1"}, *({"ErrorCode": "ThrottlingException"} for _ in Entries[1:])]}

    with monkeypatch.context() as patched:
        patched.setattr("callboard.bus.TRIES", 1)
        patched.setattr(aws, "eventbridge", Refusing)
        relay_events({}, Context())
        assert unpublished(db) == 2

    relay_events({}, Context())

    assert unpublished(db) == 0
