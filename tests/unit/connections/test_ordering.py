"""An ordered stream without gaps, of updates that come at least once and in any order."""

import random
from typing import Any

import pytest

from callboard.connections.ordering import StreamOrder


def update(offset: int, context: str = "c") -> dict[str, Any]:
    return {"context_id": context, "offset": offset}


def offsets(updates: list[dict[str, Any]]) -> list[int]:
    return [message["offset"] for message in updates]


def started(offset: int = 0) -> StreamOrder:
    order = StreamOrder()
    order.start("c", offset)
    return order


def test_updates_in_order_are_handed_out_at_once() -> None:
    order = started()

    assert [offsets(order.feed(update(n))) for n in (1, 2, 3)] == [[1], [2], [3]]


def test_an_early_update_waits_for_the_missing_one() -> None:
    order = started()

    assert order.feed(update(2)) == []
    assert order.gaps() == {"c": 0}
    assert offsets(order.feed(update(1))) == [1, 2]
    assert order.gaps() == {}


def test_duplicates_and_what_was_seen_are_dropped() -> None:
    order = started(5)

    assert order.feed(update(5)) == []
    assert offsets(order.feed(update(6))) == [6]
    assert order.feed(update(6)) == []


def test_updates_before_the_start_is_known_are_kept() -> None:
    order = StreamOrder()

    assert order.feed(update(4)) == []
    assert offsets(order.start("c", 3)) == [4]


def test_starting_again_goes_on_where_it_was() -> None:
    order = started(3)
    order.feed(update(4))

    order.start("c", 9)

    assert order.offset("c") == 4


def test_what_is_known_to_exist_and_has_not_come_is_a_gap() -> None:
    order = started(3)

    order.start("c", 5)

    assert order.gaps() == {"c": 3}
    order.feed(update(4))
    assert order.gaps() == {"c": 4}
    order.feed(update(5))
    assert order.gaps() == {}


def test_a_context_has_no_offset_before_its_start() -> None:
    order = StreamOrder()
    order.feed(update(1))

    assert order.offset("c") is None
    assert order.gaps() == {}


def test_a_forgotten_context_begins_anew() -> None:
    order = started(1)
    order.feed(update(3))

    order.forget("c")

    assert (order.offset("c"), order.gaps()) == (None, {})
    assert order.start("c", 2) == []


def test_a_reset_behind_what_waits_leaves_the_gap_between() -> None:
    order = started(1)
    order.feed(update(8))

    assert order.reset("c", 5) == []
    assert order.gaps() == {"c": 5}


def test_of_two_updates_with_one_offset_the_first_counts() -> None:
    order = started()
    order.feed(update(2) | {"data": "first"})
    order.feed(update(2) | {"data": "second"})

    assert [message.get("data") for message in order.feed(update(1))] == [None, "first"]


@pytest.mark.parametrize("seed", range(10))
def test_starts_and_resets_in_between_never_bring_an_offset_twice(seed: int) -> None:
    chance = random.Random(seed)
    order = started()
    received: list[int] = []
    for _ in range(300):
        last = order.offset("c") or 0
        offset = last + chance.randint(-5, 5)
        match chance.randint(0, 20):
            case 0:
                received += offsets(order.reset("c", last + chance.randint(0, 3)))
            case 1:
                received += offsets(order.start("c", offset))
            case _:
                received += offsets(order.feed(update(offset)))

    assert len(received) > 20
    assert received == sorted(set(received))


def test_a_reset_skips_what_the_log_no_longer_holds() -> None:
    order = started(1)
    order.feed(update(8))

    assert offsets(order.reset("c", 7)) == [8]
    assert offsets(order.feed(update(9))) == [9]


def test_contexts_do_not_wait_for_each_other() -> None:
    order = started()
    order.start("d", 0)
    order.feed(update(2, "c"))

    assert offsets(order.feed(update(1, "d"))) == [1]


@pytest.mark.parametrize("seed", range(20))
def test_any_order_with_duplicates_comes_out_in_order_each_once(seed: int) -> None:
    chance = random.Random(seed)
    sent = [update(n, context) for context in ("c", "d") for n in range(1, 40)]
    arriving = sent + chance.sample(sent, 30)
    chance.shuffle(arriving)
    order = started()
    order.start("d", 0)

    received = [message for one in arriving for message in order.feed(one)]

    for context in ("c", "d"):
        assert [m["offset"] for m in received if m["context_id"] == context] == list(range(1, 40))
    assert order.gaps() == {}
