"""The built-in tools: what models and clients are told of them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from jsonschema import Draft202012Validator

from callboard.cards.models import CardChange, NewCard
from callboard.fields import MAX_PARAMS_BYTES
from callboard.jobs.models import NewJob
from callboard.mcp.errors import InvalidToolArgumentsError
from callboard.mcp.models import ChangedCard, PlannedCard, WantedJob
from callboard.mcp.registry import Tool, all_tools, find_tool, validate

NAMES = [
    "get_project_memory",
    "create_activity_with_cards",
    "update_card",
    "create_job",
    "get_job",
    "cancel_job",
    "retry_job",
    "list_candidates",
    "approve_asset",
]
ID = str(uuid4())
VALID: dict[str, dict[str, Any]] = {
    "get_project_memory": {"project_id": ID},
    "create_activity_with_cards": {"project_id": ID, "title": "Night", "cards": [{"title": "Storm", "candidates": 2}]},
    "update_card": {"card_id": ID, "title": "Calm"},
    "create_job": {"card_id": ID, "params": {"prompt": "A lamp"}, "run_after": "2026-11-23T08:00:00Z"},
    "get_job": {"job_id": ID},
    "cancel_job": {"job_id": ID},
    "retry_job": {"job_id": ID},
    "list_candidates": {"card_id": ID, "limit": 10, "cursor": None},
    "approve_asset": {"card_id": ID, "job_id": ID},
}
EACH = pytest.mark.parametrize("tool", all_tools(), ids=lambda tool: tool.name)


def refusal(name: str, arguments: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidToolArgumentsError) as caught:
        validate(name, arguments)
    return [fault["field"] for fault in caught.value.details["fields"]]


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
    for child in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from nodes(child)


def test_the_tools_are_these_in_this_order() -> None:
    assert [tool.name for tool in all_tools()] == NAMES


@pytest.mark.parametrize("module", ["registry", "errors", "tools", "models"])
def test_whichever_part_is_imported_first_all_tools_are_registered_once(module: str) -> None:
    program = f"import callboard.mcp.{module}; from callboard.mcp import registry; print(len(registry.all_tools()))"

    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert answer.stdout == f"{len(NAMES)}\n"


def test_hints_tell_reading_from_changing() -> None:
    reading = {tool.name for tool in all_tools() if tool.read_only}
    repeatable = {tool.name for tool in all_tools() if tool.idempotent}

    assert reading == {"get_project_memory", "get_job", "list_candidates"}
    assert repeatable == reading | {"update_card", "cancel_job", "approve_asset"}


@EACH
def test_schemas_are_those_of_objects_and_stand_for_themselves(tool: Tool) -> None:
    for schema in (tool.input_schema(), tool.output_schema()):
        Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object"
        assert json.loads(json.dumps(schema)) == schema
        assert not [node for node in nodes(schema) if "$ref" in node or "$defs" in node]


@EACH
def test_schemas_are_the_same_whenever_they_are_asked_for(tool: Tool) -> None:
    assert json.dumps(tool.input_schema()) == json.dumps(tool.input_schema())
    assert json.dumps(tool.output_schema()) == json.dumps(tool.output_schema())


@EACH
def test_every_argument_is_described_and_no_other_is_taken(tool: Tool) -> None:
    schema = tool.input_schema()

    assert schema["additionalProperties"] is False
    assert schema["required"]
    assert [name for name, argument in schema["properties"].items() if not argument.get("description")] == []
    assert len(tool.description) > 80


@EACH
def test_schema_and_check_agree_on_what_is_valid(tool: Tool) -> None:
    schema = Draft202012Validator(tool.input_schema())
    arguments = VALID[tool.name]

    assert schema.is_valid(arguments)
    validate(tool.name, arguments)


@EACH
def test_schema_and_check_agree_on_what_is_not(tool: Tool) -> None:
    schema = Draft202012Validator(tool.input_schema())
    arguments = VALID[tool.name]
    required = tool.input_schema()["required"]

    for wrong in ({**arguments, "nonsense": 1}, *({k: v for k, v in arguments.items() if k != r} for r in required)):
        assert not schema.is_valid(wrong)
        assert len(refusal(tool.name, wrong)) == 1


@EACH
@pytest.mark.parametrize("value", ["not-an-id", "", 7, None, ["x"]])
def test_an_id_that_is_none_is_refused(tool: Tool, value: Any) -> None:
    name = next(name for name in tool.input_schema()["required"] if name.endswith("_id"))

    assert refusal(tool.name, VALID[tool.name] | {name: value}) == [name]


def bounds(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the properties of a schema without what is only said about them."""
    return {
        name: {key: value for key, value in prop.items() if key not in {"title", "description"}}
        for name, prop in schema["properties"].items()
    }


def test_tools_take_what_the_api_takes() -> None:
    identified = {"type": "string", "format": "uuid"}

    assert bounds(WantedJob.model_json_schema()) == {
        name: bound for name, bound in bounds(NewJob.model_json_schema()).items() if name != "callback_url"
    }
    assert bounds(ChangedCard.model_json_schema()) == bounds(CardChange.model_json_schema()) | {"card_id": identified}
    assert bounds(PlannedCard.model_json_schema()).keys() == NewCard.model_fields.keys() | {"candidates"}


def test_a_change_of_a_card_has_to_name_one() -> None:
    assert refusal("update_card", {"card_id": ID}) == ["arguments"]
    assert refusal("update_card", {"card_id": ID, "title": None}) == ["title"]


@pytest.mark.parametrize("candidates", [-1, 9, "many", None, 1.5])
def test_a_card_has_at_most_eight_candidates(candidates: Any) -> None:
    arguments = VALID["create_activity_with_cards"] | {"cards": [{"title": "Storm", "candidates": candidates}]}

    assert refusal("create_activity_with_cards", arguments) == ["cards.0.candidates"]


def test_an_activity_has_at_most_a_hundred_cards_and_as_many_jobs() -> None:
    def arguments(*candidates: int) -> dict[str, Any]:
        cards = [{"title": "Storm", "candidates": number} for number in candidates]
        return VALID["create_activity_with_cards"] | {"cards": cards}

    validate("create_activity_with_cards", arguments(*[1] * 100))
    validate("create_activity_with_cards", arguments(*[8] * 12, 4))
    assert refusal("create_activity_with_cards", arguments(*[0] * 101)) == ["cards"]
    assert refusal("create_activity_with_cards", arguments(*[8] * 12, 5)) == ["arguments"]


@pytest.mark.parametrize(
    ("params", "seeds"),
    [
        ({}, [0, 1, 2]),
        ({"seed": 40}, [40, 41, 42]),
        ({"seed": -1}, [-1, 0, 1]),
        ({"seed": True}, [0, 1, 2]),
        ({"seed": "lucky"}, [0, 1, 2]),
        ({"seed": 1.5}, [0, 1, 2]),
        ({"seed": None}, [0, 1, 2]),
    ],
)
def test_seeds_of_candidates_count_up_from_the_cards_own(params: dict[str, Any], seeds: list[int]) -> None:
    card = PlannedCard(title="Storm", params={"prompt": "A lamp", **params}, candidates=3)

    assert card.candidate_params == [{"prompt": "A lamp", "seed": seed} for seed in seeds]


def test_params_have_to_leave_room_for_the_seed() -> None:
    prompt = "x" * (MAX_PARAMS_BYTES - len('{"prompt": ""}'))

    def arguments(candidates: int) -> dict[str, Any]:
        cards = [{"title": "Storm", "params": {"prompt": prompt}, "candidates": candidates}]
        return VALID["create_activity_with_cards"] | {"cards": cards}

    validate("create_activity_with_cards", arguments(0))
    assert refusal("create_activity_with_cards", arguments(1)) == ["cards.0"]


@pytest.mark.parametrize("text", ["nul\x00", "half \ud83d"])
def test_text_that_the_database_cannot_store_is_refused(text: str) -> None:
    assert refusal("update_card", {"card_id": ID, "title": text}) == ["title"]
    assert refusal("update_card", {"card_id": ID, "params": {"prompt": text}}) == ["params"]
    assert refusal("create_job", VALID["create_job"] | {"provider": text}) == ["provider"]


def test_params_of_any_depth_are_refused_rather_than_crashed_on() -> None:
    params: dict[str, Any] = {}
    for _ in range(5000):
        params = {"deeper": params}

    assert len(refusal("update_card", {"card_id": ID, "params": params})) == 1


def test_descriptions_name_only_tools_that_exist() -> None:
    for tool in all_tools():
        for word in tool.description.replace(";", " ").replace(".", " ").split():
            if word.endswith("_job"):
                find_tool(word)
