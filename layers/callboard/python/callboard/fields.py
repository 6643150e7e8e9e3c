"""Kinds of values that requests share, and the bodies of PATCH requests."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

MAX_PARAMS_BYTES = 64 * 1024


def storable_text(value: Any) -> Any:
    """Refuse text that the database cannot store; leave all else to the field's type."""
    if isinstance(value, str):
        if "\x00" in value:
            raise ValueError("must not hold U+0000, which the database cannot store")
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise ValueError("must not hold lone surrogates, which are not valid Unicode")
    return value


def storable_json(value: JsonValue) -> JsonValue:
    """Refuse what the database cannot store as JSON."""
    for leaf in _leaves(value):
        storable_text(leaf)
        if isinstance(leaf, float) and not math.isfinite(leaf):
            raise ValueError("must not hold numbers beyond the range of a double")
    return value


def storable_params(params: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Refuse params that the database cannot store as JSON, or that are too large to carry around."""
    storable_json(params)
    if len(json.dumps(params, ensure_ascii=False).encode()) > MAX_PARAMS_BYTES:
        raise ValueError(f"must not be larger than {MAX_PARAMS_BYTES} bytes")
    return params


def described(error: ValidationError, *place: str) -> list[dict[str, str]]:
    """Say what is wrong with each field of something at this place; never what was given."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        {
            "field": ".".join(str(part) for part in (*place, *fault["loc"])),
            "message": message_of(fault),
            "type": fault["type"],
        }
        for fault in faults
    ]


def wrong(message: str, *names: str) -> dict[str, list[dict[str, str]]]:
    """Return an error's details that say the same of some fields."""
    return {"fields": [{"field": name, "message": message, "type": "value_error"} for name in names]}


def message_of(fault: Mapping[str, Any]) -> str:
    """Return a fault's message without the names of our classes."""
    message: str = fault["msg"]
    return "Input should be an object" if fault["type"] in {"model_type", "model_attributes_type"} else message


def _leaves(value: JsonValue) -> Iterator[JsonValue]:
    pending = [value]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            yield from node
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)
        else:
            yield node


type Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), BeforeValidator(storable_text)
]
type Description = Annotated[str, StringConstraints(max_length=10_000), BeforeValidator(storable_text)]
type Params = Annotated[dict[str, JsonValue], AfterValidator(storable_params)]
type Position = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]


def omitted() -> Any:
    """Return None, the value of a field that a PATCH request leaves out.

    As a default factory, so that the JSON schema shows neither a default nor null.
    """
    return None


class Change(BaseModel):
    """The body of a PATCH request: what it names is changed, the rest stays. Nothing in it may be null."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _not_null(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("must not be null: leave the field out to keep its value")
        return value

    @model_validator(mode="after")
    def _not_empty(self) -> "Change":
        if not self.model_fields_set:
            raise ValueError("must name at least one field to change")
        return self


def stored_position(value: Any) -> int:
    """Read the position in a cursor.

    Raises:
        ValueError: It is none that the database could hold.
    """
    if not isinstance(value, int) or not 0 <= value < 2**31:
        raise ValueError("not a position")
    return value
