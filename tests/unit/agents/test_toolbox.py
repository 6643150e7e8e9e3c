"""The toolbox: what the model is offered, and what is wrong with a turn before anything of it happens."""

from typing import Any

import pytest
from langchain_core.messages import ToolCall

from callboard.agents.assistants import ASSISTANTS, PRODUCTION, BuiltIn
from callboard.agents.toolbox import MAX_CALLS, for_model, problems, specifications

CARD = "0198f2a0-0000-7000-8000-000000000001"
GOOD = ("list_candidates", {"card_id": CARD})
WAIT: tuple[str, dict[str, Any]] = ("wait_for_jobs", {})


def turn(*wanted: tuple[str, dict[str, Any]]) -> list[ToolCall]:
    return [ToolCall(name=name, args=arguments, id=str(number)) for number, (name, arguments) in enumerate(wanted)]


def codes(*wanted: tuple[str, dict[str, Any]]) -> dict[int, str]:
    return {index: error.code for index, error in problems(PRODUCTION.tools, turn(*wanted)).items()}


@pytest.mark.parametrize("assistant", ASSISTANTS, ids=lambda assistant: assistant.name)
def test_every_tool_of_an_assistant_is_described_to_its_model(assistant: BuiltIn) -> None:
    offered = [specification["function"] for specification in specifications(assistant.tools)]

    assert [function["name"] for function in offered] == list(assistant.tools)
    for function in offered:
        assert function["description"], function["name"]
        assert function["parameters"]["type"] == "object", function["name"]
        assert "$ref" not in str(function["parameters"]), function["name"]


def test_a_good_turn_has_no_problems() -> None:
    assert codes(GOOD, GOOD, WAIT) == {}


def test_each_bad_call_is_named() -> None:
    assert codes(("paint", {}), GOOD, ("get_job", {})) == {0: "UNKNOWN_TOOL", 2: "INVALID_TOOL_ARGUMENTS"}


def test_a_tool_that_is_not_offered_is_unknown_though_the_registry_has_it() -> None:
    assert [error.code for error in problems(("get_job",), turn(GOOD)).values()] == ["UNKNOWN_TOOL"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"mode": "most"},
        {"quorum": 2},
        {"mode": "quorum"},
        {"mode": "quorum", "quorum": 0},
        {"job_ids": []},
        {"job_ids": ["x"]},
        {"deadline_seconds": 0},
        {"until": "tomorrow"},
    ],
)
def test_a_wait_that_makes_no_sense_is_refused(arguments: dict[str, Any]) -> None:
    assert codes(("wait_for_jobs", arguments)) == {0: "INVALID_TOOL_ARGUMENTS"}


@pytest.mark.parametrize("question", ["", "\x00", "\ud800", "x" * 3000])
def test_a_question_that_cannot_be_asked_is_refused(question: str) -> None:
    assert codes(("request_approval", {"question": question})) == {0: "INVALID_TOOL_ARGUMENTS"}


def test_what_ends_a_turn_comes_last_and_once() -> None:
    assert codes(WAIT, GOOD) == {0: "CONTROL_NOT_LAST"}
    assert codes(WAIT, WAIT) == {0: "CONTROL_NOT_LAST"}


def test_a_turn_has_so_many_calls_at_most() -> None:
    assert codes(*[GOOD] * MAX_CALLS) == {}
    assert codes(*[GOOD] * (MAX_CALLS + 1)) == {MAX_CALLS: "TOO_MANY_CALLS"}


def test_a_problem_repeats_nothing_of_what_was_given() -> None:
    (error,) = problems(PRODUCTION.tools, turn(("get_job", {"job_id": "a secret"}))).values()

    assert "a secret" not in str(error.as_dict())


def test_a_model_reads_neither_urls_nor_empty_fields() -> None:
    content = {"id": 1, "url": "https://x", "jobs": [{"result_url": "https://x", "status": "completed", "error": None}]}

    assert for_model(content) == {"id": 1, "jobs": [{"status": "completed"}]}
