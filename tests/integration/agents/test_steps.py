"""Steps of agents: what they do to the board, how they hand on, ask and end, and that nothing is done twice."""

import json
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from callboard.agents import checkpoints, model, nodes, repository, service, sizes, steps, toolbox, waking
from callboard.agents.model import ModelUnavailableError
from callboard.database import Database
from callboard.mcp import registry
from callboard.projects import service as projects
from callboard.settings import get_settings
from support.agents import ALICE, WAIT, make_agent, plan
from support.aws import FakeCloud
from support.board import Board, count, make_board, one
from support.model import calls, says
from support.rows import insert_job


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "PAUSE_SECONDS", 0)


def statuses_told(db: Database) -> list[tuple[str, str | None]]:
    """Return what followers were told of runs, in order."""
    rows = db.execute("SELECT payload FROM events WHERE topic = 'agent.run.updated' ORDER BY context_offset")
    return [(row["payload"]["status"], row["payload"]["waiting_for"]) for row in rows]


def test_a_run_whose_model_only_speaks_ends_with_its_words(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = make_agent(db, cloud, board.project_id, says("Nothing to do."))
    run = agent.start()

    assert agent.steps() == ["success"]
    assert agent.run(run.run_id).status == "success"
    assert agent.state()["answer"] == "Nothing to do."


def test_the_model_is_told_the_brief_and_the_projects_memory(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = make_agent(db, cloud, board.project_id, says("Nothing to do."))
    agent.start("Three lamps")

    agent.steps()

    ((system, request),) = agent.model.asked
    assert "producer" in system.text
    assert "<brief>\nThree lamps\n</brief>" in request.text
    assert str(board.card_id) in request.text
    assert {tool["function"]["name"] for tool in agent.model.tools} >= {"create_activity_with_cards", "wait_for_jobs"}


def test_a_plan_becomes_activity_cards_and_jobs_and_the_run_sleeps_until_they_end(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    agent = make_agent(db, cloud, board.project_id, calls(plan(board, cards=2), WAIT), says("Done."))
    run = agent.start()

    slept = agent.steps()
    jobs = agent.end_jobs()
    woken = agent.wake(jobs)
    ended = agent.steps()

    assert (slept, len(jobs), woken, ended) == (["sleeping"], 2, 1, ["success"])
    outcome = json.loads(agent.model.asked[-1][-1].text)
    assert outcome["woken_by"] == "jobs"
    assert {job["job_id"] for job in outcome["jobs"]} == {str(job_id) for job_id in jobs}
    assert agent.run(run.run_id).usage == {"calls": 2, "input_tokens": 20, "output_tokens": 10}


def test_jobs_of_an_agent_carry_its_thread_and_wake_the_queue(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = make_agent(db, cloud, board.project_id, calls(plan(board), WAIT))
    agent.start()

    agent.steps()

    job = one(db, "SELECT id, thread_id, created_by FROM generation_jobs")
    assert (job["thread_id"], job["created_by"]) == (str(agent.thread_id), "user-alice")
    assert [message["job_id"] for message in cloud.messages(cloud.jobs_queue_url)] == [str(job["id"])]


def test_followers_are_told_each_move_of_a_run(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = make_agent(db, cloud, board.project_id, calls(plan(board), WAIT), says("Done."))
    agent.start()

    agent.steps()
    agent.wake(agent.end_jobs())
    agent.steps()

    assert statuses_told(db) == [
        ("pending", None),
        ("running", None),
        ("running", "jobs"),
        ("running", None),
        ("success", None),
    ]
    rows = db.execute("SELECT context_offset FROM events WHERE context_id = %s", (board.project_id,)).fetchall()
    assert sorted(row["context_offset"] for row in rows) == list(range(1, len(rows) + 1))


def test_each_event_of_a_step_is_published(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = make_agent(db, cloud, board.project_id, calls(plan(board)), says("Done."))
    run = agent.start()

    agent.steps()

    told = [event["data"]["status"] for event in cloud.published() if event["topic"] == "agent.run.updated"]
    # The first one is published by whoever started the run.
    assert told == ["running", "success"]
    unpublished = one(db, "SELECT payload FROM events WHERE published_at IS NULL AND topic = 'agent.run.updated'")
    assert unpublished["payload"]["run_id"] == str(run.run_id)


def test_a_step_hands_on_after_its_super_steps_and_the_next_goes_on(
    db: Database, cloud: FakeCloud, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_SUPER_STEPS", "1")
    get_settings.cache_clear()
    agent = make_agent(db, cloud, board.project_id, calls(plan(board)), says("Done."))
    agent.start()
    cloud.messages(cloud.agent_queue_url)

    outcomes = agent.steps()

    assert outcomes == ["handed_on"] * 4 + ["success"]
    assert len(agent.model.asked) == 2
    assert count(db, "task_cards") == 2
    assert len(cloud.messages(cloud.agent_queue_url)) == 4


def test_a_step_that_has_little_time_left_hands_on_before_the_model_is_asked(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    agent = make_agent(db, cloud, board.project_id, says("Done."))
    agent.start()

    assert agent.step(seconds_left=nodes.RESERVED_SECONDS - 1) == "handed_on"
    assert agent.model.asked == []
    assert agent.step() == "success"


class Killed(BaseException):
    """The process is gone."""


POINTS = [
    "run_agent_step.after_claim",
    "run_agent_step.before_model",
    "run_agent_step.after_model",
    "run_agent_step.before_tool",
    "run_agent_step.in_tool",
    "run_agent_step.after_tool",
    "run_agent_step.before_checkpoint",
    "run_agent_step.after_checkpoint",
    "run_agent_step.after_sleep",
    "run_agent_step.after_wake",
    "run_agent_step.after_finish",
]


def kill_at(monkeypatch: pytest.MonkeyPatch, point: str, time: int) -> list[str]:
    """Kill the step when it passes a point for the nth time, once; return where it was killed."""
    passed: list[str] = []
    killed: list[str] = []

    def crash(name: str, correlation: str | None = None) -> None:
        passed.append(name)
        if name == point and passed.count(point) == time and not killed:
            killed.append(name)
            raise Killed

    for module in (steps, nodes, toolbox, checkpoints, waking):
        monkeypatch.setattr(module, "crash_point", crash)
    return killed


@pytest.mark.parametrize("time", [1, 2, 3])
@pytest.mark.parametrize("point", POINTS)
def test_a_step_killed_at_any_point_is_repeated_and_the_board_is_the_same(
    db: Database, cloud: FakeCloud, board: Board, monkeypatch: pytest.MonkeyPatch, point: str, time: int
) -> None:
    turn = calls(plan(board, cards=2), plan(board, title="Dawn"), WAIT)
    # A repeated step asks the model again only if its answer was not stored.
    agent = make_agent(db, cloud, board.project_id, lambda asked: turn if len(asked) == 2 else says("Done."))
    run = agent.start()
    killed = kill_at(monkeypatch, point, time)

    for _ in range(12):
        try:
            outcome = agent.step()
        except Killed:
            continue
        if outcome == "nothing":
            agent.wake(agent.end_jobs())
        if agent.run(run.run_id).status not in {"pending", "running"}:
            break
    agent.steps()

    assert agent.run(run.run_id).status == "success"
    assert (count(db, "activities"), count(db, "task_cards"), count(db, "generation_jobs")) == (3, 4, 3)
    assert (count(db, "agent_waits"), count(db, "tool_calls")) == (1, 2)
    assert one(db, "SELECT count(*) AS n FROM agent_waits WHERE resumed_at IS NULL")["n"] == 0
    assert killed or time > 1, "the point was never passed"


def test_a_cancelled_runs_tools_have_no_effect(db: Database, cloud: FakeCloud, board: Board) -> None:
    def cancel_meanwhile(asked: Any) -> Any:
        service.cancel_run(db, ALICE, agent.thread_id, run.run_id, "interrupt")
        return calls(plan(board))

    agent = make_agent(db, cloud, board.project_id, cancel_meanwhile)
    run = agent.start()

    assert agent.steps() == ["superseded"]
    assert agent.run(run.run_id).status == "interrupted"
    assert count(db, "activities") == 1


def test_a_step_that_was_taken_over_changes_nothing(db: Database, cloud: FakeCloud, board: Board) -> None:
    def taken_over(asked: Any) -> Any:
        with db.transaction():
            assert repository.claim_step(db, agent.thread.id, 60) is not None
        return calls(plan(board))

    agent = make_agent(db, cloud, board.project_id, taken_over)
    run = agent.start()

    assert agent.step() == "superseded"
    assert count(db, "activities") == 1
    assert agent.run(run.run_id).status == "running"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (("paint_directly", {}), "UNKNOWN_TOOL"),
        (("approve_asset", {"card_id": "x"}), "INVALID_TOOL_ARGUMENTS"),
        (("wait_for_jobs", {"mode": "quorum"}), "INVALID_TOOL_ARGUMENTS"),
    ],
)
def test_a_turn_with_a_call_that_is_not_valid_changes_nothing_and_the_model_is_told(
    db: Database, cloud: FakeCloud, board: Board, wrong: tuple[str, dict[str, Any]], code: str
) -> None:
    agent = make_agent(db, cloud, board.project_id, calls(plan(board), wrong), says("Sorry."))
    agent.start()

    assert agent.steps() == ["success"]
    assert count(db, "activities") == 1
    refused = [json.loads(message.text)["error"]["code"] for message in agent.model.asked[-1][-2:]]
    assert refused == ["TURN_REFUSED", code]


def test_waiting_before_other_calls_of_a_turn_is_refused(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = make_agent(db, cloud, board.project_id, calls(WAIT, plan(board)), says("Sorry."))
    agent.start()

    agent.steps()

    assert json.loads(agent.model.asked[-1][-2].text)["error"]["code"] == "CONTROL_NOT_LAST"
    assert count(db, "activities") == 1


def test_a_model_that_asks_for_what_cannot_be_done_three_times_ends_the_run(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    agent = make_agent(db, cloud, board.project_id, calls(("paint_directly", {})))
    run = agent.start()

    assert agent.steps() == ["error"]
    error = agent.run(run.run_id).error
    assert error is not None
    assert error["code"] == "MODEL_MISBEHAVED"
    assert len(agent.model.asked) == nodes.MAX_MISTAKES
    assert statuses_told(db)[-1] == ("error", None)


def test_a_model_that_never_ends_is_ended(db: Database, cloud: FakeCloud, board: Board) -> None:
    memory = ("get_project_memory", {"project_id": str(board.project_id)})
    agent = make_agent(db, cloud, board.project_id, calls(memory))
    run = agent.start()

    outcomes = agent.steps()

    assert outcomes[-1] == "error"
    error = agent.run(run.run_id).error
    assert error is not None
    assert error["code"] == "TURN_LIMIT"
    assert len(agent.model.asked) == nodes.MAX_TURNS


def test_a_model_that_says_nothing_ends_the_run(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = make_agent(db, cloud, board.project_id, says(" "))
    run = agent.start()

    assert agent.steps() == ["error"]
    assert agent.run(run.run_id).error == {"code": "MODEL_FAILED", "message": "The model gave no answer."}


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Converse")


def test_a_model_that_is_busy_leaves_the_step_to_be_repeated(db: Database, cloud: FakeCloud, board: Board) -> None:
    busy = [refusal("ThrottlingException")] * model.TRIES
    agent = make_agent(db, cloud, board.project_id, *busy, says("Done."))
    run = agent.start()

    with pytest.raises(ModelUnavailableError):
        agent.step()

    assert agent.run(run.run_id).status == "running"
    assert agent.steps() == ["success"]


def test_a_step_that_fails_again_and_again_ends_the_run(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = make_agent(db, cloud, board.project_id, refusal("ServiceUnavailableException"))
    run = agent.start()

    for _ in range(steps.MAX_ATTEMPTS):
        with pytest.raises(ModelUnavailableError):
            agent.step()

    assert agent.step() == "error"
    error = agent.run(run.run_id).error
    assert error is not None
    assert error["code"] == "STEP_FAILED"


def test_a_model_that_refuses_for_good_ends_the_run_and_says_why(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = make_agent(db, cloud, board.project_id, refusal("AccessDeniedException"))
    run = agent.start()

    assert agent.steps() == ["error"]
    assert agent.run(run.run_id).error == {
        "code": "MODEL_FAILED",
        "message": "The model refused the request: AccessDeniedException.",
    }


def test_what_nobody_foresaw_ends_the_run_and_says_nothing_of_the_inside(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    agent = make_agent(db, cloud, board.project_id, RuntimeError("secret"))
    run = agent.start()

    assert agent.steps() == ["error"]
    assert agent.run(run.run_id).error == {"code": "RUN_FAILED", "message": "The run could not be carried on."}


def test_errors_of_tools_are_answers_to_the_model(db: Database, cloud: FakeCloud, board: Board) -> None:
    missing = str(uuid4())
    agent = make_agent(db, cloud, board.project_id, calls(("get_job", {"job_id": missing})), says("I see."))
    agent.start()

    assert agent.steps() == ["success"]
    assert json.loads(agent.model.asked[-1][-1].text)["error"]["code"] == "JOB_NOT_FOUND"


def test_an_agent_cannot_reach_another_tenants_board(db: Database, cloud: FakeCloud, board: Board) -> None:
    other = make_board(db, tenant="bob")
    agent = make_agent(db, cloud, board.project_id, calls(plan(other)), says("I see."))
    agent.start()

    agent.steps()

    assert json.loads(agent.model.asked[-1][-1].text)["error"]["code"] == "PROJECT_NOT_FOUND"
    assert one(db, "SELECT count(*) AS n FROM activities WHERE tenant = 'bob'")["n"] == 1


def test_a_run_whose_project_is_gone_ends_with_that(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = make_agent(db, cloud, board.project_id, says("Done."))
    run = agent.start()
    projects.delete_project(db, ALICE, board.project_id)

    assert agent.steps() == ["error"]
    error = agent.run(run.run_id).error
    assert error is not None
    assert error["code"] == "PROJECT_NOT_FOUND"


def test_another_brief_begins_anew_and_knows_what_came_before(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = make_agent(db, cloud, board.project_id, says("First answer."), says("Second answer."))
    first = agent.start("First brief")
    agent.steps()
    second = agent.start("Second brief")

    agent.steps()

    asked = agent.model.asked[-1]
    assert len(asked) == 2
    assert '"brief":"First brief","answer":"First answer."' in asked[1].text
    assert [agent.run(run.run_id).usage["calls"] for run in (first, second)] == [1, 1]


def test_the_state_keeps_no_urls(db: Database, cloud: FakeCloud, board: Board) -> None:
    insert_job(db, board.card_id, status="completed")
    memory = ("get_project_memory", {"project_id": str(board.project_id)})
    candidates = ("list_candidates", {"card_id": str(board.card_id)})
    agent = make_agent(db, cloud, board.project_id, calls(memory, candidates), says("I see."))
    agent.start()

    agent.steps()

    assert "X-Amz-Signature" not in str(agent.state())
    assert "X-Amz-Signature" not in str(db.execute("SELECT result FROM tool_calls").fetchall())


def test_a_message_without_anything_to_do_does_nothing(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = make_agent(db, cloud, board.project_id, says("Done."))

    assert agent.step() == "nothing"
    assert steps.take_step(db, uuid4(), 100) == "nothing"


def test_runs_of_a_thread_come_one_after_another(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = make_agent(db, cloud, board.project_id, says("First."), says("Second."))
    first, second = agent.start("First"), agent.start("Second")
    cloud.messages(cloud.agent_queue_url)

    assert agent.step() == "success"
    assert (agent.run(first.run_id).status, agent.run(second.run_id).status) == ("success", "pending")
    assert len(cloud.messages(cloud.agent_queue_url)) == 1
    assert service.find_thread(db, ALICE, agent.thread_id).view.status == "busy"
    assert agent.step() == "success"
    assert service.find_thread(db, ALICE, agent.thread_id).view.status == "idle"


def fail_second_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    real, called = registry.call, list[Any]()

    def second_fails(*given: Any) -> Any:
        called.append(given)
        if len(called) == 2:
            raise RuntimeError
        return real(*given)

    monkeypatch.setattr(registry, "call", second_fails)


def test_a_run_that_goes_on_after_an_error_does_nothing_of_the_turn_again(
    db: Database, cloud: FakeCloud, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = make_agent(db, cloud, board.project_id, calls(plan(board), plan(board, title="Dawn")), says("Done."))
    first = agent.start()
    fail_second_tool(monkeypatch)
    assert agent.steps() == ["error"]
    service.delete_run(db, ALICE, agent.thread_id, first.run_id)

    agent.start(input=None)

    assert agent.steps() == ["success"]
    titles = [row["title"] for row in db.execute("SELECT title FROM activities ORDER BY position")]
    assert titles == ["Activity", "Dusk", "Dawn"]


def test_what_a_step_that_was_taken_over_thinks_is_not_stored(db: Database, cloud: FakeCloud, board: Board) -> None:
    def taken_over(asked: Any) -> Any:
        with db.transaction():
            assert repository.claim_step(db, agent.thread.id, 60) is not None
        return calls(plan(board, title="Late"))

    agent = make_agent(db, cloud, board.project_id, taken_over, says("In time."))
    run = agent.start()
    assert agent.step() == "superseded"

    assert agent.step() == "success"

    assert agent.state()["answer"] == "In time."
    assert agent.run(run.run_id).status == "success"
    assert one(db, "SELECT count(*) AS n FROM activities WHERE title = 'Late'")["n"] == 0


def test_a_cancelled_step_stores_nothing_over_what_came_after_it(db: Database, cloud: FakeCloud, board: Board) -> None:
    def cancelled(asked: Any) -> Any:
        service.cancel_run(db, ALICE, agent.thread_id, run.run_id, "interrupt")
        return says("Late words.")

    agent = make_agent(db, cloud, board.project_id, cancelled)
    run = agent.start()

    assert agent.step() == "superseded"
    assert agent.state().get("answer") is None
    assert len(agent.state()["messages"]) == 1


def test_a_step_of_a_thread_that_was_deleted_leaves_nothing_behind(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    def deleted(asked: Any) -> Any:
        thread = service.delete_thread(db, ALICE, agent.thread_id).result
        checkpoints.saver(db).delete_thread(str(thread))
        return says("Late words.")

    agent = make_agent(db, cloud, board.project_id, deleted)
    agent.start()

    assert agent.step() == "superseded"
    tables = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
    assert [count(db, table) for table in tables] == [0, 0, 0]


def test_params_reach_the_model_as_they_are(db: Database, cloud: FakeCloud, board: Board) -> None:
    params = {"prompt": "A lamp", "url": "https://reference.example", "mask": None}
    card = {"title": "Lamp", "params": params}
    make = ("create_activity_with_cards", {"project_id": str(board.project_id), "title": "Dusk", "cards": [card]})
    agent = make_agent(db, cloud, board.project_id, calls(make), says("Done."))
    agent.start()

    agent.steps()

    read = json.loads(agent.model.asked[-1][-1].text)
    assert read["activity"]["cards"][0]["params"] == params


def test_an_answer_that_is_too_long_for_a_model_is_cut_and_says_so(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    for _ in range(40):
        insert_job(db, board.card_id, params={"prompt": "x" * 1000})
    memory = ("get_project_memory", {"project_id": str(board.project_id)})
    agent = make_agent(db, cloud, board.project_id, calls(memory), says("I see."))
    agent.start()

    agent.steps()

    read = agent.model.asked[-1][-1].text
    assert "truncated" in json.loads(read)
    assert len(read) < 2 * sizes.MAX_CONTENT


def test_a_conversation_that_has_become_too_long_goes_on_without_its_oldest_turns(
    db: Database, cloud: FakeCloud, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert_job(db, board.card_id, params={"prompt": "x" * 2000})
    monkeypatch.setattr(sizes, "MAX_CONVERSATION", 20_000)
    monkeypatch.setattr(sizes, "KEPT_CONVERSATION", 12_000)
    look = calls(("get_project_memory", {"project_id": str(board.project_id)}))
    agent = make_agent(db, cloud, board.project_id, *[look] * 20, says("Done."))
    agent.start()

    assert agent.steps() == ["handed_on", "success"]

    assert len(agent.model.asked) == 21
    assert max(sum(len(message.text) for message in asked[1:]) for asked in agent.model.asked) < 20_000
    assert agent.model.asked[-1][1].text.endswith(sizes.LEFT_OUT)
    assert sum(len(message.text) for message in agent.state()["messages"]) < 20_000


def test_all_that_a_turn_reads_has_its_bound(db: Database, cloud: FakeCloud, board: Board) -> None:
    for _ in range(40):
        insert_job(db, board.card_id, params={"prompt": "x" * 1000})
    look = ("get_project_memory", {"project_id": str(board.project_id)})
    agent = make_agent(db, cloud, board.project_id, calls(*[look] * 20), says("I see."))
    agent.start()

    agent.steps()

    read = [message.text for message in agent.model.asked[-1][3:]]
    assert len(read) == 20
    assert sum(map(len, read)) < 1.2 * sizes.MAX_TURN


def test_what_a_turn_did_wrong_has_its_bound_too(db: Database, cloud: FakeCloud, board: Board) -> None:
    wrong = {"title": "", "params": [], "candidates": -1, "more": 1}
    arguments = {"project_id": str(board.project_id), "title": "x", "cards": [wrong for _ in range(100)]}
    many = calls(*[("create_activity_with_cards", arguments)] * 30)
    agent = make_agent(db, cloud, board.project_id, many, says("I see."))
    agent.start()

    agent.steps()

    read = [message.text for message in agent.model.asked[-1][3:]]
    assert len(read) == 30
    assert sum(map(len, read)) <= sizes.MAX_TURN
    assert "INVALID_TOOL_ARGUMENTS" in read[0]
