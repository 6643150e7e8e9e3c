"""What the agent did, as its thread's state tells it."""

import json
from typing import Any

import pytest

from callboard_local.demo.brief import Brief
from callboard_local.demo.production import PlannedActivity, PlannedCard, Production, Question
from callboard_local.demo.turns import Turns, question_of, sleep_of

CREATE = "create_activity_with_cards"


@pytest.fixture
def production() -> Production:
    brief = {"title": "T", "activities": [{"title": "A", "cards": [{"title": "One", "prompt": "a"}]}]}
    return Production(Brief.model_validate(brief))


def state(*messages: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {"values": {"messages": [{"type": "human", "content": "..."}, *messages], **values}, "interrupts": []}


def thought(words: Any, *calls: tuple[str, str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "type": "ai",
        "content": words,
        "tool_calls": [{"id": call_id, "name": name, "args": args} for call_id, name, args in calls],
    }


def result(call_id: str, content: dict[str, Any], name: str = CREATE) -> dict[str, Any]:
    return {"type": "tool", "name": name, "tool_call_id": call_id, "content": json.dumps(content)}


def tell(turns: Turns, told: dict[str, Any], production: Production) -> list[str]:
    return [f"{note.actor} {note.text}" for note in turns.tell(told, production)]


PLANNED = {"title": "A", "cards": [{"title": "One", "candidates": 2}, {"title": "Two"}]}


def test_plan_is_told_once_with_the_words_that_came_with_it(production: Production) -> None:
    turns = Turns()
    planned = state(thought("Ordering.", ("1", CREATE, PLANNED)), result("1", {"activity": {}}))

    lines = tell(turns, planned, production)

    assert lines == ["agent says: Ordering.", "plan A: One (2), Two"]
    assert production.plan == [PlannedActivity("A", (PlannedCard("One", 2), PlannedCard("Two", 1)))]
    assert tell(turns, planned, production) == []


def test_last_words_are_kept_and_left_to_whoever_ends_the_run(production: Production) -> None:
    blocks = [{"type": "text", "text": "All "}, {"type": "text", "text": "done."}]

    assert tell(Turns(), state(thought(blocks)), production) == []
    assert production.words == ["All done."]


def test_refused_calls_are_told_with_the_reason_and_are_no_plan(production: Production) -> None:
    error = {"error": {"code": "TURN_REFUSED", "message": "Not carried out."}}
    refused = thought("", ("1", CREATE, {"cards": [{}]}), ("2", CREATE, PLANNED))

    lines = tell(Turns(), state(refused, result("1", error), result("2", error)), production)

    assert lines == [f"agent is refused {CREATE} (2 times): Not carried out."]
    assert production.plan == []


def test_call_that_was_never_answered_is_no_plan(production: Production) -> None:
    assert tell(Turns(), state(thought("", ("1", CREATE, {"cards": [{}]}))), production) == []
    assert production.plan == []


def test_sleep_is_for_the_jobs_that_the_state_waits_for() -> None:
    waiting = {"job_ids": ["a", "b", "c"], "mode": "quorum", "needed": 2}

    assert sleep_of(state(waiting=waiting)) == (("a", "b", "c"), "quorum", 2)


def test_sleep_that_is_over_was_for_the_jobs_of_the_last_answer() -> None:
    answers = [result(str(n), {"jobs": [{"job_id": f"j{n}"}]}, "wait_for_jobs") for n in (1, 2)]

    assert sleep_of(state(*answers, waiting=None)) == (("j2",), "all", 1)
    assert sleep_of(state()) == ((), "all", 0)


def test_question_is_what_a_person_is_asked_and_nothing_else() -> None:
    asking = {"type": "approval", "question": "Which?", "card_id": "c", "choices": ["a", "b"]}

    assert question_of({"interrupts": [{"value": asking}]}) == Question("Which?", "c", ("a", "b"))
    assert question_of({"interrupts": [{"value": {"type": "jobs", "job_ids": []}}]}) is None
    assert question_of({"interrupts": []}) is None
