"""The built-in assistants: found by id and name, and what each takes."""

from typing import Any
from uuid import uuid4

import pytest

from callboard.agents import assistants, service
from callboard.agents.assistants import ASSISTANTS, PRODUCTION, REVIEW_OF_CARD, BuiltIn
from callboard.agents.control import CONTROL_TOOLS
from callboard.agents.errors import AssistantNotFoundError
from callboard.agents.models import AssistantSearch
from callboard.errors import InvalidInputError
from callboard.mcp import registry


def test_the_production_assistant_comes_first() -> None:
    assert [one.graph_id for one in service.search_assistants(AssistantSearch())] == ["production", "review"]


@pytest.mark.parametrize("assistant", ASSISTANTS, ids=lambda one: one.name)
def test_an_assistant_is_found_by_its_id_and_by_its_name(assistant: BuiltIn) -> None:
    assert assistants.find(assistant.assistant_id) is assistants.find(assistant.name) is assistant


@pytest.mark.parametrize("name", ["", "nobody", "Production", "0b6f6d0c-0000-4000-8000-000000000000"])
def test_an_assistant_that_is_missing_is_not_found(name: str) -> None:
    with pytest.raises(AssistantNotFoundError):
        assistants.find(name)


def test_an_assistant_s_id_is_the_same_in_every_deployment() -> None:
    assert PRODUCTION.assistant_id == "a5749564-2f9a-5e05-93e9-4b4e24d53429"


@pytest.mark.parametrize("assistant", ASSISTANTS, ids=lambda one: one.name)
def test_every_tool_of_an_assistant_exists(assistant: BuiltIn) -> None:
    for tool in assistant.tools:
        assert tool in CONTROL_TOOLS or registry.find_tool(tool).name == tool


@pytest.mark.parametrize("assistant", ASSISTANTS, ids=lambda one: one.name)
def test_the_schemas_describe_each_field_of_the_input(assistant: BuiltIn) -> None:
    schemas = assistant.schemas()

    for field in schemas.input_schema["properties"].values():
        assert field["description"]
    assert schemas.input_schema["additionalProperties"] is False
    assert schemas.input_schema["properties"].keys() <= schemas.state_schema["properties"].keys()
    assert schemas.output_schema["properties"].keys() >= {"messages", "answer", "recommendation"}


def test_an_input_is_read_without_its_project() -> None:
    card_id = uuid4()
    given: dict[str, Any] = {"project_id": str(uuid4())}

    assert PRODUCTION.read_input(given | {"brief": "  A lamp "}) == {"brief": "A lamp"}
    assert REVIEW_OF_CARD.read_input(given | {"card_id": str(card_id)}) == {"card_id": str(card_id), "brief": ""}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "input.brief"),
        ({"brief": ""}, "input.brief"),
        ({"brief": "x" * 20_001}, "input.brief"),
        ({"brief": "A lamp", "size": 3}, "input.size"),
        ({"brief": "A lamp", "project_id": "7"}, "input.project_id"),
    ],
)
def test_an_input_that_does_not_fit_is_refused_with_its_field(given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        PRODUCTION.read_input(given)

    assert [fault["field"] for fault in refused.value.details["fields"]] == [field]
