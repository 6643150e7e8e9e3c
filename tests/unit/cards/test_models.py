"""What requests about cards may hold."""

from typing import Any

import pytest
from pydantic import ValidationError

from callboard.cards.models import CardChange, NewCard
from callboard.fields import MAX_PARAMS_BYTES


@pytest.mark.parametrize(
    "params",
    [
        {"prompt": "\\x00 and \\u0000 are written out here"},
        {"prompt": "é 😀 \U0010ffff \ud7ff"},
        {"prompt": "x" * (MAX_PARAMS_BYTES - 14)},
        {"seed": 1.7976931348623157e308, "deep": [[{"a": [None, True]}]]},
    ],
)
def test_params_that_can_be_stored_are_taken_as_they_are(params: dict[str, Any]) -> None:
    assert NewCard(title="Card", params=params).params == params


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"prompt": "a\x00b"}, "U+0000"),
        ({"a\x00b": 1}, "U+0000"),
        ({"deep": [{"prompt": "\x00"}]}, "U+0000"),
        ({"prompt": "\ud800"}, "lone surrogates"),
        ({"\udfff": [1]}, "lone surrogates"),
        ({"seed": float("inf")}, "range of a double"),
        ({"seed": [float("nan")]}, "range of a double"),
        ({"prompt": "x" * MAX_PARAMS_BYTES}, "larger than"),
        ({"prompt": "é" * (MAX_PARAMS_BYTES // 2)}, "larger than"),
    ],
)
def test_params_that_cannot_be_stored_are_refused_with_the_reason(params: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        NewCard(title="Card", params=params)

    (fault,) = refusal.value.errors()
    assert fault["loc"] == ("params",)
    assert reason in fault["msg"].replace("\\", "")


@pytest.mark.parametrize("position", [-1, 1_000_001, "3", 3.0, True])
def test_a_position_is_a_whole_number_in_range(position: Any) -> None:
    for model in (NewCard, CardChange):
        with pytest.raises(ValidationError):
            model.model_validate({"title": "Card", "position": position})


@pytest.mark.parametrize("position", [0, 1_000_000])
def test_the_first_and_last_positions_are_taken(position: int) -> None:
    assert NewCard(title="Card", position=position).position == position
