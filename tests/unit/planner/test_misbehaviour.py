"""What a brief can make the planner do."""

from typing import Any

import pytest

from callboard_local.planner.assistants import BreakdownError, answer
from callboard_local.planner.chat import ChatRequest
from support.planner import FakeBoard, asked, calls_of, opening, produce, take_turn, tools

BRIEF = "## A\n- One (2 candidates): a lamp\n- Two: a sea\n- Three: a hill"


def turns(brief: str, count: int, board: FakeBoard | None = None) -> list[list[tuple[str, Any]]]:
    messages, board = [opening(brief)], board or FakeBoard()
    return [calls_of(take_turn(messages, board)) for _ in range(count)]


def test_unknown_tool_calls_one_and_then_plans() -> None:
    first, second = turns(f"{BRIEF}\nplanner: unknown-tool", 2)

    assert [name for name, _ in first] == ["paint_directly"]
    assert [name for name, _ in second] == ["create_activity_with_cards", "wait_for_jobs"]


def test_invalid_arguments_come_after_a_valid_call_for_ever() -> None:
    messages = [opening(f"{BRIEF}\nplanner: invalid-arguments")]
    for _ in range(35):
        message = asked(messages)
        (_, valid), (_, invalid) = calls_of(message)
        messages.append(message)

    assert valid["cards"][0]["title"] == "One"
    assert "title" not in invalid["cards"][0]


def test_endless_asks_for_the_memory_for_ever() -> None:
    assert turns(f"{BRIEF}\nplanner: endless", 35) == [[("get_project_memory", {"project_id": "p-1"})]] * 35


def test_plan_then_loop_looks_at_a_job_for_ever() -> None:
    first, *rest = turns(f"{BRIEF}\nplanner: plan-then-loop", 35)

    assert first[-1][0] == "wait_for_jobs"
    assert rest == [[("get_job", {"job_id": "j-01"})]] * 34


def test_silent_says_nothing() -> None:
    assert asked([opening(f"{BRIEF}\nplanner: silent")]) == {"role": "assistant", "content": ""}


@pytest.mark.parametrize("names", [["create_activity_with_cards"], ["recommend_candidate"], []])
def test_error_500_breaks_down_whatever_is_offered(names: list[str]) -> None:
    messages = [opening("planner: error-500")]

    with pytest.raises(BreakdownError):
        answer(ChatRequest.model_validate({"messages": messages, "tools": tools(names)}))


def test_slow_takes_its_time_for_the_first_turn() -> None:
    messages, board = [opening(f"{BRIEF}\nplanner: slow=3")], FakeBoard()
    first = answer(ChatRequest.model_validate({"messages": messages, "tools": tools(["create_activity_with_cards"])}))
    take_turn(messages, board)
    second = answer(ChatRequest.model_validate({"messages": messages, "tools": tools(["create_activity_with_cards"])}))

    assert (first[1], second[1]) == (3, 0)
    assert first[0].calls


def test_candidates_are_as_many_as_is_said() -> None:
    board = FakeBoard()

    produce(f"{BRIEF}\nplanner: candidates=3", board)

    assert [card["candidates"] for card in board.calls("create_activity_with_cards")[0]["cards"]] == [3, 3, 3]


def test_no_candidates_are_not_waited_for() -> None:
    board = FakeBoard()

    text = produce(f"{BRIEF}\nplanner: candidates=0", board)

    assert [name for name, _ in board.made] == ["create_activity_with_cards"]
    assert "- One (A): no job was started" in text


@pytest.mark.parametrize("mode", ["any", "quorum:3", "quorum:9"])
def test_other_waits_go_on_until_all_jobs_have_ended(mode: str) -> None:
    board = FakeBoard()

    text = produce(f"{BRIEF}\nplanner: wait={mode}\nplanner: deadline=1.5", board)

    waits = board.calls("wait_for_jobs")
    assert {wait["deadline_seconds"] for wait in waits} == {1.5}
    assert {wait["mode"] for wait in waits} == {mode.partition(":")[0]}
    expected = {"any": [None] * 4, "quorum:3": [3, 1], "quorum:9": [4]}[mode]
    assert [wait.get("quorum") for wait in waits] == expected
    assert text.endswith("3 pictures approved.")


def test_ask_never_approves_without_a_person() -> None:
    board = FakeBoard()

    produce(f"{BRIEF}\nplanner: ask=never", board)

    assert board.calls("request_approval") == []
    assert len(board.approved) == 3


def test_ask_always_asks_about_a_single_candidate() -> None:
    board = FakeBoard()

    produce("## A\n- One: a lamp\nplanner: ask=always", board)

    [question] = board.calls("request_approval")
    assert question["choices"] == ["j-01"]
    assert "1 candidate." in question["question"]


def test_simulate_is_in_the_params_of_every_job() -> None:
    board = FakeBoard(words=[{"approved": False, "comment": "Fog.", "choice": None}])

    produce(f'{BRIEF}\nplanner: simulate={{"duration": 0.2}}', board)

    assert len(board.jobs) == 5
    assert all(job["params"]["simulate"] == {"duration": 0.2} for job in board.jobs.values())
    assert all("planner" not in job["params"]["prompt"] for job in board.jobs.values())


def test_without_tools_the_answer_is_a_short_text() -> None:
    message = asked([opening("word " * 500)], [])

    assert message["content"].startswith("Understood: word word")
    assert len(message["content"]) < 200
