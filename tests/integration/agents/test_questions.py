"""Questions of agents: asked once, answered once, and not lost on the way."""

import json
from typing import Any
from uuid import uuid4

import pytest

from callboard.agents import checkpoints, service, steps
from callboard.agents.errors import InvalidResumeError, NotOfferedError, ThreadNotInterruptedError
from callboard.database import Database
from support.agents import ALICE, WAIT, ask, asking, make_agent, plan
from support.aws import FakeCloud
from support.board import Board
from support.model import calls, says
from support.rows import insert_job


def test_a_question_ends_the_run_until_it_is_answered_by_another(db: Database, cloud: FakeCloud, board: Board) -> None:
    choices = [insert_job(db, board.card_id, status="completed") for _ in range(2)]
    agent = make_agent(db, cloud, board.project_id, calls(ask(board.card_id, choices)), says("Thanks."))
    run = agent.start()

    assert agent.steps() == ["asking"]

    thread = service.find_thread(db, ALICE, agent.thread_id).view
    ((asked,),) = thread.interrupts.values()
    assert (agent.run(run.run_id).status, thread.status) == ("interrupted", "interrupted")
    assert asked["value"] == {
        "type": "approval",
        "question": "Which one?",
        "card_id": str(board.card_id),
        "choices": [str(job_id) for job_id in choices],
    }
    assert "approved" in asked["response_schema"]["properties"]
    answer = {"approved": True, "choice": str(choices[1])}
    second = agent.start(input=None, command={"resume": answer})
    assert agent.steps() == ["success"]
    assert agent.run(second.run_id).status == "success"
    assert json.loads(agent.model.asked[-1][-1].text) == answer | {"comment": None}


@pytest.mark.parametrize(
    "answer",
    [
        "yes",
        {"approved": "perhaps"},
        {"approved": True, "more": 1},
        {"approved": True, "choice": str(uuid4())},
        None,
    ],
)
def test_an_answer_that_does_not_fit_is_refused_and_the_question_stands(
    db: Database, cloud: FakeCloud, board: Board, answer: Any
) -> None:
    choices = [insert_job(db, board.card_id, status="completed")]
    agent = make_agent(db, cloud, board.project_id, calls(ask(board.card_id, choices)), says("Thanks."))
    agent.start()
    agent.steps()

    with pytest.raises(InvalidResumeError):
        agent.start(input=None, command={"resume": answer})

    assert service.find_thread(db, ALICE, agent.thread_id).view.status == "interrupted"
    agent.start(input=None, command={"resume": {"approved": False}})
    assert agent.steps() == ["success"]


def test_choices_that_are_no_completed_jobs_are_refused(db: Database, cloud: FakeCloud, board: Board) -> None:
    queued = insert_job(db, board.card_id)
    agent = make_agent(db, cloud, board.project_id, calls(ask(board.card_id, [queued])), says("I see."))
    agent.start()

    assert agent.steps() == ["success"]
    assert json.loads(agent.model.asked[-1][-1].text)["error"]["details"] == {"job_ids": [str(queued)]}


YES = {"resume": {"approved": True}}


def test_a_question_stands_when_the_run_that_answers_it_is_cancelled_before_it_begins(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    agent = asking(db, cloud, board)
    answering = agent.start(input=None, command=YES)
    service.cancel_run(db, ALICE, agent.thread_id, answering.run_id, "interrupt")

    assert service.find_thread(db, ALICE, agent.thread_id).view.status == "interrupted"
    agent.start(input=None, command=YES)
    assert agent.steps() == ["success"]


def test_a_question_can_be_answered_though_another_run_is_to_begin_later(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    agent = asking(db, cloud, board)
    agent.start("Another brief", after_seconds=3600)

    assert service.find_thread(db, ALICE, agent.thread_id).view.status == "interrupted"
    answering = agent.start(input=None, command=YES)
    assert agent.step() == "success"
    assert agent.run(answering.run_id).status == "success"


def test_a_question_is_answered_once(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = asking(db, cloud, board)
    agent.start(input=None, command=YES)

    with pytest.raises(ThreadNotInterruptedError):
        agent.start(input=None, command=YES)


def test_a_question_is_gone_once_its_answer_is_at_work(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = asking(db, cloud, board)
    agent.start(input=None, command=YES)
    agent.steps()

    assert service.find_thread(db, ALICE, agent.thread_id).view.interrupts == {}


def test_an_answer_cannot_be_given_for_later(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = asking(db, cloud, board)

    with pytest.raises(NotOfferedError) as refused:
        agent.start(input=None, command=YES, after_seconds=3600)

    assert [fault["field"] for fault in refused.value.details["fields"]] == ["after_seconds"]
    assert service.find_thread(db, ALICE, agent.thread_id).view.status == "interrupted"


def test_an_answer_whose_question_another_run_has_dropped_is_no_success(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    agent = asking(db, cloud, board)
    agent.start("Another brief", after_seconds=3600)
    db.execute("UPDATE agent_runs SET not_before = now() WHERE not_before IS NOT NULL")
    answering = agent.start(input=None, command=YES)

    assert agent.steps() == ["success", "error"]

    error = agent.run(answering.run_id).error
    assert error is not None
    assert error["code"] == "THREAD_NOT_INTERRUPTED"


def test_a_question_stands_when_the_run_that_answers_it_is_cancelled_before_it_stores_anything(
    db: Database, cloud: FakeCloud, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = asking(db, cloud, board)
    answering = agent.start(input=None, command=YES)

    def cancelled(point: str, correlation_id: str | None = None) -> None:
        if point == "run_agent_step.after_claim":
            service.cancel_run(db, ALICE, agent.thread_id, answering.run_id, "interrupt")

    with monkeypatch.context() as patched:
        patched.setattr(steps, "crash_point", cancelled)
        assert agent.step() == "superseded"

    thread = service.find_thread(db, ALICE, agent.thread_id).view
    assert (thread.status, len(thread.interrupts)) == ("interrupted", 1)
    agent.start(input=None, command=YES)
    assert agent.steps() == ["success"]


def test_a_question_stands_when_the_run_that_answers_it_fails_before_it_stores_anything(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    agent = asking(db, cloud, board)
    answering = agent.start(input=None, command=YES)
    db.execute("UPDATE agent_runs SET attempts = 99 WHERE id = %s", (answering.run_id,))

    assert agent.steps() == ["error"]

    assert service.find_thread(db, ALICE, agent.thread_id).view.status == "interrupted"
    agent.start(input=None, command=YES)
    assert agent.steps() == ["success"]


def test_a_question_is_gone_while_the_run_that_answered_it_sleeps(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = asking(db, cloud, board)
    agent.model.answers = [agent.model.answers[0], calls(plan(board), WAIT), says("Done.")]
    agent.start(input=None, command=YES)

    assert agent.steps() == ["sleeping"]

    thread = service.find_thread(db, ALICE, agent.thread_id).view
    assert (thread.status, thread.interrupts) == ("busy", {})


def test_a_question_is_gone_once_the_run_that_answered_it_is_cancelled_at_work(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    agent = asking(db, cloud, board)
    answering = agent.start(input=None, command=YES)

    def cancelled(asked: Any) -> Any:
        service.cancel_run(db, ALICE, agent.thread_id, answering.run_id, "interrupt")
        return says("Late words.")

    agent.model.answers = [agent.model.answers[0], cancelled]
    assert agent.step() == "superseded"

    thread = service.find_thread(db, ALICE, agent.thread_id).view
    assert (thread.status, thread.interrupts) == ("idle", {})


def test_a_question_is_not_shown_while_its_answer_is_at_work(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = asking(db, cloud, board)
    seen: list[Any] = []

    def looked_at(asked: Any) -> Any:
        thread = service.find_thread(db, ALICE, agent.thread_id).view
        seen.append((thread.status, thread.interrupts))
        return says("Thanks.")

    agent.model.answers = [agent.model.answers[0], looked_at]
    agent.start(input=None, command=YES)

    assert agent.steps() == ["success"]
    assert seen == [("busy", {})]


class Killed(BaseException):
    """A power cut."""


@pytest.mark.parametrize("cancelled", [True, False], ids=["cancelled", "given up"])
@pytest.mark.parametrize(
    ("second", "outcomes", "read"),
    [({"command": {"resume": {"approved": False}}}, ["success"], False), ({}, ["asking"], None)],
    ids=["answered", "gone on"],
)
def test_an_answer_that_was_dropped_is_not_used_in_the_place_of_a_later_one(
    db: Database,
    cloud: FakeCloud,
    board: Board,
    monkeypatch: pytest.MonkeyPatch,
    cancelled: bool,
    second: dict[str, Any],
    outcomes: list[str],
    read: bool | None,
) -> None:
    agent = asking(db, cloud, board)
    dropped = agent.start(input=None, command=YES)

    def die(point: str, correlation_id: str | None = None) -> None:
        if point == "run_agent_step.before_checkpoint":
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, "crash_point", die)
        with pytest.raises(Killed):
            agent.step()
    steps._Environment.prepared.clear()  # the process is gone
    if cancelled:
        service.cancel_run(db, ALICE, agent.thread_id, dropped.run_id, "interrupt")
    else:
        db.execute("UPDATE agent_runs SET attempts = 99 WHERE id = %s", (dropped.run_id,))
        assert agent.step() == "error"

    agent.start(input=None, **second)

    assert agent.steps() == outcomes
    if read is not None:
        assert json.loads(agent.model.asked[-1][-1].text)["approved"] is read


def test_an_answer_for_at_once_may_say_so_in_seconds(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = asking(db, cloud, board)
    agent.start(input=None, command=YES, after_seconds=0)

    with pytest.raises(ThreadNotInterruptedError):
        agent.start(input=None, command=YES, after_seconds=0)

    assert agent.steps() == ["success"]
