"""The service's memory is bounded and pages run both ways."""

from typing import Any

import pytest

from callboard_local.generator.errors import SimulatedRefusalError
from callboard_local.generator.generations import Prediction, newest_first
from callboard_local.generator.requests import NewPrediction
from callboard_local.generator.store import Store


def make_prediction(number: int) -> Prediction:
    request = NewPrediction.model_validate({"input": {"prompt": "A sea"}})
    values: dict[str, Any] = {"callback_url": None, "base_url": "http://127.0.0.1", "correlation_id": None}
    return Prediction(
        id=f"p{number}", number=number, picture=request.input, seed=1, failure=None, seconds=1.0, start_seconds=0.0,
        request=request, input={}, **values,
    )  # fmt: skip


def test_store_full_forgets_the_oldest_ended_only() -> None:
    store = Store(kept_generations=2)
    predictions = [make_prediction(number) for number in range(3)]
    predictions[1].end("succeeded")

    for prediction in predictions:
        store.add(prediction)

    assert [each.id for each in store.all()] == ["p0", "p2"]


def test_store_counts_each_key_by_itself() -> None:
    store = Store(kept_generations=2)

    assert [store.count("a"), store.count("b"), store.count("a")] == [1, 1, 2]
    assert store.occurrences("a") == 2
    assert store.occurrences("never") == 0


def test_store_reset_forgets_everything() -> None:
    store = Store(kept_generations=2)
    store.add(make_prediction(1))
    store.count("a")
    store.begin_outage(60, 503, None)

    store.reset()

    assert store.all() == []
    assert store.occurrences("a") == 0
    store.require_service()


def test_store_outage_refuses_until_it_ends() -> None:
    store = Store(kept_generations=2)
    store.begin_outage(60, 429, 3)

    with pytest.raises(SimulatedRefusalError) as refusal:
        store.require_service()

    assert (refusal.value.status, refusal.value.retry_after) == (429, 3)
    store.end_outage()
    store.require_service()


def test_newest_first_pages_run_both_ways() -> None:
    predictions = [make_prediction(number) for number in range(1, 6)]

    def numbers(**bounds: int | None) -> list[int]:
        wanted: dict[str, int | None] = {"before": None, "after": None, **bounds}
        return [each.number for each in newest_first(predictions, wanted["before"], wanted["after"], 2)]

    assert numbers() == [5, 4]
    assert numbers(before=4) == [3, 2]
    assert numbers(before=2) == [1]
    assert numbers(before=1) == []
    assert numbers(after=2) == [4, 3]


def test_prediction_end_happens_once() -> None:
    prediction = make_prediction(1)

    assert prediction.end("canceled")
    assert not prediction.end("succeeded")
    assert prediction.status == "canceled"


@pytest.mark.parametrize(("status", "asked", "sent"), [(429, None, 1), (429, 7, 7), (503, None, None), (503, 2, 2)])
def test_refusal_says_how_long_to_wait_when_asked_to_and_always_when_throttled(
    status: int, asked: int | None, sent: int | None
) -> None:
    assert SimulatedRefusalError(status, asked).retry_after == sent
