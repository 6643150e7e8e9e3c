"""What is said of a wrong field."""

import pytest
from pydantic import BaseModel, ValidationError

from callboard.fields import described


class Lamp(BaseModel):
    size: int


class Room(BaseModel):
    lamp: Lamp


@pytest.mark.parametrize("given", [{"lamp": 7}, {"lamp": None}, {"lamp": []}])
def test_what_is_no_object_is_told_so_without_the_name_of_a_class(given: object) -> None:
    with pytest.raises(ValidationError) as raised:
        Room.model_validate(given)

    assert described(raised.value, "input") == [
        {"field": "input.lamp", "message": "Input should be an object", "type": "model_type"}
    ]


def test_a_fault_tells_its_place_and_not_what_was_given() -> None:
    with pytest.raises(ValidationError) as raised:
        Room.model_validate({"lamp": {"size": "secret"}})

    assert described(raised.value) == [
        {
            "field": "lamp.size",
            "message": "Input should be a valid integer, unable to parse string as an integer",
            "type": "int_parsing",
        }
    ]
