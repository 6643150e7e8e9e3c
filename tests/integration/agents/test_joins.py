"""Waiting for a run's end: its values, what went wrong, what a person is asked, or that it is not there yet."""

from typing import Any

import pytest

from support.agent_api import ask, code_of
from support.agents import Agent
from support.board import Board
from support.model import calls, says

RUN = {"assistant_id": "production", "input": {"brief": "A lamp"}}


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callboard.agents.service.MAX_WAIT_SECONDS", 0.05)


@pytest.fixture
def stepping(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> Agent:
    """Take the agent's steps while somebody waits."""
    monkeypatch.setattr("callboard.agents.service.time.sleep", lambda _: agent.steps())
    return agent


def joined(agent: Agent, run_id: Any) -> Any:
    return ask("GET", f"/threads/{agent.thread_id}/runs/{run_id}/join")


def test_a_join_answers_with_the_values_that_the_run_left(agent: Agent) -> None:
    run = agent.start()
    agent.steps()

    answer = joined(agent, run.run_id)

    assert answer.status == 200
    assert (answer.body["answer"], answer.body["brief"], answer.body["turn"]) == ("Done.", "A lamp", 1)
    assert [message["type"] for message in answer.body["messages"]] == ["human", "ai"]
    assert "__interrupt__" not in answer.body
    assert answer.headers["Location"] == f"/threads/{agent.thread_id}/runs/{run.run_id}/join"


def test_a_join_of_a_run_that_has_not_ended_never_answers_with_values(agent: Agent) -> None:
    run = agent.start()

    answer = joined(agent, run.run_id)

    assert code_of(answer) == (504, "RUN_NOT_FINISHED")
    assert answer.body["error"]["details"] == {"run_id": str(run.run_id), "status": "pending"}


def test_waiting_for_a_run_answers_with_its_values_once_it_has_ended(stepping: Agent) -> None:
    answer = ask("POST", f"/threads/{stepping.thread_id}/runs/wait", RUN)

    assert (answer.status, answer.body["answer"]) == (200, "Done.")
    assert "/join" in answer.headers["Location"]
    assert answer.headers["Content-Location"] == answer.headers["Location"].removesuffix("/join")


def test_whoever_waited_in_vain_finds_the_run_at_work(agent: Agent) -> None:
    answer = ask("POST", f"/threads/{agent.thread_id}/runs/wait", RUN)

    assert code_of(answer) == (504, "RUN_NOT_FINISHED")
    [run] = ask("GET", f"/threads/{agent.thread_id}/runs").body
    agent.steps()
    assert joined(agent, run["run_id"]).body["answer"] == "Done."


def test_a_failed_run_answers_with_its_error(agent: Agent) -> None:
    agent.model.answers = [says(" ")]
    run = agent.start()
    agent.steps()

    assert joined(agent, run.run_id).body == {
        "__error__": {"error": "MODEL_FAILED", "message": "The model gave no answer."}
    }


def test_a_run_that_asks_answers_with_its_question(agent: Agent) -> None:
    agent.model.answers = [calls(("request_approval", {"question": "Good?"}))]
    run = agent.start()
    agent.steps()

    values = joined(agent, run.run_id).body

    [asked] = values["__interrupt__"]
    assert asked["value"] == {"type": "approval", "question": "Good?", "card_id": None, "choices": []}
    assert asked["id"]


def test_a_run_that_was_cancelled_in_its_sleep_asks_nobody_anything(agent: Agent, board: Board) -> None:
    agent.model.answers = [order(board)]
    run = agent.start()
    assert agent.steps() == ["sleeping"]
    ask("POST", f"/threads/{agent.thread_id}/runs/{run.run_id}/cancel")

    values = joined(agent, run.run_id).body

    assert "__interrupt__" not in values
    assert values["waiting"]["mode"] == "all"


def test_a_run_that_was_cancelled_before_its_first_step_leaves_no_values(agent: Agent) -> None:
    run = agent.start()
    ask("POST", f"/threads/{agent.thread_id}/runs/{run.run_id}/cancel")

    assert joined(agent, run.run_id).body == {}


def test_an_earlier_run_s_values_stay_its_own(agent: Agent) -> None:
    agent.model.answers = [says("First."), says("Second.")]
    first, second = agent.start(), agent.start()
    agent.steps()

    assert [joined(agent, run.run_id).body["answer"] for run in (first, second)] == ["First.", "Second."]


def order(board: Board) -> Any:
    """Ask for one card with a job, and sleep for it."""
    plan = {
        "project_id": str(board.project_id),
        "title": "Dusk",
        "cards": [{"title": "Lamp", "params": {"prompt": "A lamp"}, "candidates": 1}],
    }
    return calls(("create_activity_with_cards", plan), ("wait_for_jobs", {}))


def test_a_run_that_only_asks_again_answers_with_the_question(agent: Agent) -> None:
    agent.model.answers = [calls(("request_approval", {"question": "Good?"}))]
    agent.start()
    agent.steps()
    again = agent.start(input=None)
    agent.steps()

    answer = joined(agent, again.run_id)

    [asked] = answer.body["__interrupt__"]
    assert asked["value"]["question"] == "Good?"
