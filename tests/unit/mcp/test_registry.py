"""The registry: names, order, and checking a call before anything happens."""

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

from callboard.database import Database
from callboard.errors import InvalidInputError, NotFoundError
from callboard.mcp import registry
from callboard.mcp.errors import InvalidToolArgumentsError, UnknownToolError
from callboard.mcp.registry import Tool, ToolContext, ToolResult


class Lamp(BaseModel):
    """What the lamp takes."""

    model_config = ConfigDict(extra="forbid")

    colour: str = Field(max_length=5)
    turns: list[int] = []


class Light(BaseModel):
    """What the lamp answers."""

    colour: str


def shine(db: Database, context: ToolContext, arguments: Lamp) -> ToolResult:
    return ToolResult(Light(colour=arguments.colour))


def register(name: str, **options: Any) -> Tool:
    return registry.register_tool(name, shine, Lamp, description="Shines.", result=Light, **options)


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_tools", {})


def test_a_registered_tool_is_found_as_it_was_registered() -> None:
    tool = register("shine_lamp")

    assert registry.find_tool("shine_lamp") is tool
    assert (tool.description, tool.parameters, tool.result, tool.handler) == ("Shines.", Lamp, Light, shine)


def test_tools_are_listed_in_the_order_of_their_registration() -> None:
    names = ["shine_lamp", "blow_horn", "aim_lens"]
    for name in names:
        register(name)

    assert [tool.name for tool in registry.all_tools()] == names


def test_a_name_that_is_taken_is_refused_and_its_tool_stays() -> None:
    tool = register("shine_lamp")

    with pytest.raises(ValueError, match="'shine_lamp' already"):
        register("shine_lamp")

    assert registry.all_tools() == [tool]


@pytest.mark.parametrize("name", ["", "Shine", "shine lamp", "shine-lamp", "1shine", "shine\n", "x" * 65])
def test_a_name_that_some_client_would_not_take_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a tool's name"):
        register(name)


@pytest.mark.parametrize(
    ("options", "read_only", "idempotent"),
    [({}, False, False), ({"idempotent": True}, False, True), ({"read_only": True}, True, True)],
)
def test_hints_are_as_registered_and_reading_again_changes_nothing_either(
    options: Any, read_only: bool, idempotent: bool
) -> None:
    tool = register("shine_lamp", **options)

    assert (tool.read_only, tool.idempotent) == (read_only, idempotent)


def test_an_unknown_tool_is_an_error_that_names_it() -> None:
    with pytest.raises(UnknownToolError) as caught:
        registry.validate("blow_horn", {})

    assert isinstance(caught.value, NotFoundError)
    assert (caught.value.code, caught.value.details) == ("UNKNOWN_TOOL", {"tool": "blow_horn"})


def test_valid_arguments_become_what_the_handler_takes() -> None:
    tool = register("shine_lamp")

    assert registry.validate("shine_lamp", {"colour": "red"}) == (tool, Lamp(colour="red"))


def test_each_invalid_argument_is_named_with_what_is_wrong() -> None:
    register("shine_lamp")

    with pytest.raises(InvalidToolArgumentsError) as caught:
        registry.validate("shine_lamp", {"colour": "crimson", "turns": [1, "two"], "speed": 3})

    assert isinstance(caught.value, InvalidInputError)
    assert caught.value.code == "INVALID_TOOL_ARGUMENTS"
    assert caught.value.details == {
        "tool": "shine_lamp",
        "fields": [
            {"field": "colour", "message": "String should have at most 5 characters", "type": "string_too_long"},
            {
                "field": "turns.1",
                "message": "Input should be a valid integer, unable to parse string as an integer",
                "type": "int_parsing",
            },
            {"field": "speed", "message": "Extra inputs are not permitted", "type": "extra_forbidden"},
        ],
    }


def test_what_was_given_is_not_repeated_in_the_error() -> None:
    register("shine_lamp")

    with pytest.raises(InvalidToolArgumentsError) as caught:
        registry.validate("shine_lamp", {"colour": "a secret colour"})

    assert "secret" not in str(caught.value.as_dict())


@pytest.mark.parametrize("arguments", [[], None, "red", 7])
def test_arguments_that_are_no_object_are_refused(arguments: Any) -> None:
    register("shine_lamp")

    with pytest.raises(InvalidToolArgumentsError) as caught:
        registry.validate("shine_lamp", arguments)

    assert [fault["field"] for fault in caught.value.details["fields"]] == ["arguments"]
