"""Sleeping for jobs: each set wakes its run once, whatever is said of the jobs, how often and when."""

import json
import random
import threading
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest

from callboard.agents import repository, service, waking
from callboard.agents.models import Run
from callboard.cards import service as cards
from callboard.database import Database, connect
from support.agents import ALICE, Agent, make_agent
from support.aws import FakeCloud
from support.board import Board, make_board, one
from support.model import calls, says
from support.rows import insert_job, insert_provider


@pytest.fixture
def board(db: Database) -> Board:
    insert_provider(db)
    return make_board(db)


def sleeping(db: Database, cloud: FakeCloud, board: Board, jobs: int, **wait: Any) -> Agent:
    """Return an agent that sleeps for so many new jobs."""
    arguments = {
        "project_id": str(board.project_id),
        "title": "Dusk",
        "cards": [{"title": "Lamp", "params": {"prompt": "A lamp"}, "candidates": jobs}],
    }
    turn = calls(("create_activity_with_cards", arguments), ("wait_for_jobs", wait))
    agent = make_agent(db, cloud, board.project_id, turn, says("Done."))
    agent.start()
    assert agent.steps() == ["sleeping"]
    cloud.messages(cloud.agent_queue_url)
    return agent


def outcome(agent: Agent) -> dict[str, Any]:
    """Return what the model read when it went on."""
    told: dict[str, Any] = json.loads(agent.model.asked[-1][-1].text)
    return told


def end_one(db: Database, status: str = "completed") -> list[Any]:
    """Let one live job end; return its id as a list."""
    done = "result_url = 'x'" if status == "completed" else "error_code = 'deadline'"
    rows = db.execute(
        f"UPDATE generation_jobs SET status = '{status}', completed_at = now(), {done} WHERE id ="
        " (SELECT min(id::text)::uuid FROM generation_jobs WHERE status = 'queued') RETURNING id".encode()
    )
    return [row["id"] for row in rows]


def test_a_set_of_all_wakes_once_though_every_end_is_told_three_times_in_any_order(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    agent = sleeping(db, cloud, board, 4)
    told = [job_id for _ in range(4) for job_id in end_one(db)] * 3
    random.Random(7).shuffle(told)

    woken = [agent.wake([job_id]) for job_id in told]

    assert sum(woken) == 1
    assert len(cloud.messages(cloud.agent_queue_url)) == 1
    assert agent.steps() == ["success"]
    assert agent.wake(told) == 0


def test_a_set_sleeps_on_until_its_last_job_has_ended(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = sleeping(db, cloud, board, 3)

    woken = [agent.wake(end_one(db)) for _ in range(3)]

    assert woken == [0, 0, 1]


def test_a_failed_and_a_cancelled_job_have_ended_too_and_the_model_reads_why(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    agent = sleeping(db, cloud, board, 2)
    agent.wake(end_one(db, "failed") + agent.end_jobs("cancelled"))

    agent.steps()

    read = {job["status"]: job["error_code"] for job in outcome(agent)["jobs"]}
    assert read == {"failed": "deadline", "cancelled": None}


@pytest.mark.parametrize(
    ("wait", "woken"),
    [({"mode": "any"}, [1, 0, 0, 0]), ({"mode": "quorum", "quorum": 3}, [0, 0, 1, 0])],
)
def test_a_set_wakes_when_enough_have_ended(
    db: Database, cloud: FakeCloud, board: Board, wait: dict[str, Any], woken: list[int]
) -> None:
    agent = sleeping(db, cloud, board, 4, **wait)

    assert [agent.wake(end_one(db)) for _ in range(4)] == woken


def test_an_end_that_is_told_before_it_is_so_wakes_nobody(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = sleeping(db, cloud, board, 1)
    job_id = one(db, "SELECT id FROM generation_jobs")["id"]

    assert agent.wake([job_id]) == 0


def test_jobs_that_ended_before_the_set_was_stored_wake_it_at_once(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    arguments = {
        "project_id": str(board.project_id),
        "title": "Dusk",
        "cards": [{"title": "Lamp", "params": {"prompt": "A lamp"}, "candidates": 2}],
    }
    turn = calls(("create_activity_with_cards", arguments), ("wait_for_jobs", {}))
    agent = make_agent(db, cloud, board.project_id, turn, says("Done."))
    agent.start()
    store = repository.sleep

    def end_first(*given: Any) -> Any:
        # All is said and done before anyone sleeps: the events find no set.
        assert agent.wake(agent.end_jobs()) == 0
        return store(*given)

    with patch.object(repository, "sleep", end_first):
        assert agent.step() == "sleeping"

    assert agent.steps() == ["success"]
    assert outcome(agent)["woken_by"] == "jobs"


def test_jobs_that_have_ended_already_are_not_slept_for(db: Database, cloud: FakeCloud, board: Board) -> None:
    done = insert_job(db, board.card_id, status="completed")
    wait = ("wait_for_jobs", {"job_ids": [str(done)]})
    agent = make_agent(db, cloud, board.project_id, calls(wait), says("Done."))
    agent.start()

    assert agent.steps() == ["success"]
    assert [job["job_id"] for job in outcome(agent)["jobs"]] == [str(done)]
    assert one(db, "SELECT count(*) AS n FROM agent_waits")["n"] == 0


def test_there_is_nothing_to_sleep_for_without_jobs(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = make_agent(db, cloud, board.project_id, calls(("wait_for_jobs", {})), says("Done."))
    agent.start()

    assert agent.steps() == ["success"]
    assert outcome(agent)["jobs"] == []


@pytest.mark.parametrize("tenant", ["nobody", "bob"])
def test_unknown_jobs_and_another_tenants_cannot_be_slept_for(
    db: Database, cloud: FakeCloud, board: Board, tenant: str
) -> None:
    job_id = insert_job(db, make_board(db, tenant="bob").card_id) if tenant == "bob" else uuid4()
    agent = make_agent(
        db, cloud, board.project_id, calls(("wait_for_jobs", {"job_ids": [str(job_id)]})), says("I see.")
    )
    agent.start()

    assert agent.steps() == ["success"]
    assert outcome(agent)["error"] == {
        "code": "INVALID_WAIT",
        "message": "Some of these jobs do not exist.",
        "details": {"job_ids": [str(job_id)]},
    }


def test_a_quorum_that_can_never_be_is_refused(db: Database, cloud: FakeCloud, board: Board) -> None:
    job_id = insert_job(db, board.card_id)
    wait = ("wait_for_jobs", {"job_ids": [str(job_id)], "mode": "quorum", "quorum": 2})
    agent = make_agent(db, cloud, board.project_id, calls(wait), says("I see."))
    agent.start()

    agent.steps()

    assert outcome(agent)["error"]["code"] == "INVALID_WAIT"


def test_a_deadline_that_passes_wakes_the_run_once(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = sleeping(db, cloud, board, 2)
    assert waking.sweep(db)["agents_woken"] == 0
    db.execute("UPDATE agent_waits SET deadline_at = now() - interval '1 s'")

    assert [waking.sweep(db)["agents_woken"] for _ in range(3)] == [1, 0, 0]
    assert agent.steps() == ["success"]
    assert outcome(agent)["woken_by"] == "deadline"
    assert [job["status"] for job in outcome(agent)["jobs"]] == ["queued", "queued"]
    assert agent.wake(agent.end_jobs()) == 0


def test_jobs_of_others_that_no_event_tells_of_are_found_by_the_sweep(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    foreign = insert_job(db, board.card_id)
    agent = make_agent(
        db, cloud, board.project_id, calls(("wait_for_jobs", {"job_ids": [str(foreign)]})), says("Done.")
    )
    agent.start()
    agent.steps()
    agent.end_jobs()

    assert waking.sweep(db)["agents_woken"] == 1
    assert agent.steps() == ["success"]


def test_jobs_that_were_deleted_with_their_card_are_not_waited_for(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    agent = sleeping(db, cloud, board, 1)
    agent.end_jobs("failed")
    card_id = one(db, "SELECT card_id FROM generation_jobs")["card_id"]
    cards.delete_card(db, ALICE, card_id)

    assert waking.sweep(db)["agents_woken"] == 1
    assert agent.steps() == ["success"]
    assert outcome(agent)["jobs"] == []


def test_a_step_whose_message_was_lost_is_asked_for_again(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = sleeping(db, cloud, board, 1)
    agent.wake(agent.end_jobs())
    cloud.messages(cloud.agent_queue_url)
    assert waking.sweep(db)["steps_overdue"] == 0
    db.execute("UPDATE agent_runs SET step_due_at = now() - interval '1 s'")

    assert [waking.sweep(db)["steps_overdue"] for _ in range(2)] == [1, 0]
    (message,) = cloud.messages(cloud.agent_queue_url)
    assert message["thread"] == str(agent.thread.id)


def test_a_run_whose_first_message_was_lost_is_begun_by_the_sweep(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = make_agent(db, cloud, board.project_id, says("Done."))
    agent.start()
    db.execute("UPDATE agent_runs SET step_due_at = now() - interval '1 s'")

    assert waking.sweep(db)["steps_overdue"] == 1
    assert len(cloud.messages(cloud.agent_queue_url)) == 1


def test_a_run_that_is_to_begin_later_does(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = make_agent(db, cloud, board.project_id, says("Done."))
    agent.start(after_seconds=3600)

    assert agent.step() == "nothing"
    assert waking.sweep(db)["steps_overdue"] == 0
    db.execute("UPDATE agent_runs SET not_before = now(), step_due_at = now()")
    assert waking.sweep(db)["steps_overdue"] == 1
    assert agent.step() == "success"


def test_a_run_cancelled_in_its_sleep_is_not_woken(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = sleeping(db, cloud, board, 1)
    run_id = one(db, "SELECT id FROM agent_runs")["id"]
    service.cancel_run(db, ALICE, agent.thread_id, run_id, "interrupt")

    assert agent.wake(agent.end_jobs()) == 0
    assert agent.step() == "nothing"
    assert agent.run(run_id).status == "interrupted"


def test_a_run_that_waits_for_its_turn_goes_on_when_the_sleeping_one_is_cancelled(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    agent = sleeping(db, cloud, board, 1)
    run_id = one(db, "SELECT id FROM agent_runs")["id"]
    agent.start("Another brief")
    assert agent.step() == "nothing"

    cancelled = service.cancel_run(db, ALICE, agent.thread_id, run_id, "interrupt")

    assert cancelled.result.to_go_on == [agent.thread.id]
    assert agent.step() == "success"


def test_two_that_wake_at_once_wake_once(db: Database, cloud: FakeCloud, board: Board, database_url: str) -> None:
    agent = sleeping(db, cloud, board, 2)
    ended = agent.end_jobs()
    together = threading.Barrier(4)
    woken: list[int] = []

    def wake() -> None:
        with connect(database_url) as other:
            together.wait(timeout=10)
            woken.append(len(repository.wake_for_jobs(other, ended, 60, 10).threads))

    threads = [threading.Thread(target=wake) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(woken) == [0, 0, 0, 1]
    assert agent.steps() == ["success"]


def test_waiting_again_is_another_set(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = sleeping(db, cloud, board, 1)
    card_id = one(db, "SELECT card_id FROM generation_jobs")["card_id"]
    job = ("create_job", {"card_id": str(card_id), "params": {"prompt": "Another lamp"}})
    agent.model.answers[1:] = [calls(job, ("wait_for_jobs", {})), says("Done.")]
    agent.wake(agent.end_jobs())

    assert agent.steps() == ["sleeping"]
    assert agent.wake(agent.end_jobs()) == 1
    assert agent.steps() == ["success"]
    sets = db.execute("SELECT cardinality(job_ids) AS n, resumed_at FROM agent_waits").fetchall()
    assert [each["n"] for each in sets] == [1, 1]
    assert all(each["resumed_at"] for each in sets)


def test_a_repeated_step_behind_a_wake_does_not_resume_again(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = sleeping(db, cloud, board, 1)
    agent.wake(agent.end_jobs())

    class Killed(BaseException):
        """The process is gone."""

    def kill(asked: Any) -> Any:
        raise Killed

    agent.model.answers[1:] = [kill, says("Done.")]
    with pytest.raises(Killed):
        agent.step()

    assert agent.step() == "success"
    tool_messages = [message for message in agent.model.asked[-1] if message.type == "tool"]
    assert len(tool_messages) == 2


def test_a_run_cancelled_while_it_goes_to_sleep_leaves_no_set_behind(
    db: Database, cloud: FakeCloud, board: Board, database_url: str
) -> None:
    arguments = {
        "project_id": str(board.project_id),
        "title": "Dusk",
        "cards": [{"title": "Lamp", "params": {"prompt": "A lamp"}, "candidates": 1}],
    }
    turn = calls(("create_activity_with_cards", arguments), ("wait_for_jobs", {}))
    agent = make_agent(db, cloud, board.project_id, turn)
    run = agent.start()
    store = repository.sleep
    cancelling: list[threading.Thread] = []

    def cancel() -> None:
        with connect(database_url) as other:
            service.cancel_run(other, ALICE, agent.thread_id, run.run_id, "interrupt")

    def cancel_meanwhile(*given: Any) -> Any:
        cancelling.append(threading.Thread(target=cancel))
        cancelling[0].start()
        cancelling[0].join(timeout=0.3)
        return store(*given)

    with patch.object(repository, "sleep", cancel_meanwhile):
        agent.step()
    cancelling[0].join()

    assert agent.run(run.run_id).status == "interrupted"
    assert one(db, "SELECT count(*) AS n FROM agent_waits WHERE resumed_at IS NULL")["n"] == 0


def test_sets_that_are_not_complete_keep_no_complete_one_from_being_found(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    agent = sleeping(db, cloud, board, 1)
    ended = agent.end_jobs()
    live = insert_job(db, board.card_id)
    run_id = one(db, "SELECT id FROM agent_runs")["id"]
    for number in range(3):
        db.execute(
            "INSERT INTO agent_waits (id, run_id, tenant, interrupt_id, job_ids, mode, needed, deadline_at)"
            " VALUES (%s, %s, 'alice', %s, %s, 'any', 1, now() + interval '1 min')",
            (uuid4(), run_id, str(number), [live]),
        )

    with patch.object(waking, "BATCH", 2):
        assert waking.sweep(db)["agents_woken"] == 1
    assert ended


def test_jobs_of_another_tenant_count_for_nothing(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = sleeping(db, cloud, board, 1)
    foreign = insert_job(db, make_board(db, tenant="bob").card_id)
    db.execute("UPDATE agent_waits SET job_ids = job_ids || %s, needed = 2", ([foreign],))

    assert agent.wake([foreign]) == 0


def test_jobs_that_were_deleted_are_not_among_those_that_a_work_has_started(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    agent = sleeping(db, cloud, board, 1)
    agent.model.answers[1:] = [calls(("wait_for_jobs", {})), says("Done.")]
    db.execute("UPDATE agent_waits SET deadline_at = now()")
    agent.end_jobs("failed")
    cards.delete_card(db, ALICE, one(db, "SELECT card_id FROM generation_jobs")["card_id"])
    waking.sweep(db)

    assert agent.steps() == ["success"]
    assert outcome(agent) == {"woken_by": "jobs", "jobs": []}


def test_runs_that_wait_for_their_turn_are_not_asked_for_each_minute(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    agent = sleeping(db, cloud, board, 1)
    for number in range(3):
        agent.start(f"Brief {number}")
    cloud.messages(cloud.agent_queue_url)
    db.execute("UPDATE agent_runs SET step_due_at = now() - interval '1 s' WHERE status = 'pending'")

    assert waking.sweep(db)["steps_overdue"] == 0
    service.cancel_run(
        db, ALICE, agent.thread_id, one(db, "SELECT min(id::text) AS id FROM agent_runs")["id"], "interrupt"
    )
    assert waking.sweep(db)["steps_overdue"] == 1


def overdue(db: Database, agent: Agent, run: Run) -> None:
    """Let the message of a run's first step be lost."""
    agent.cloud.messages(agent.cloud.agent_queue_url)
    db.execute("UPDATE agent_runs SET step_due_at = now() - interval '1 s' WHERE id = %s", (run.run_id,))


def test_a_run_that_is_to_begin_later_holds_up_no_other(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = make_agent(db, cloud, board.project_id, says("Done."))
    agent.start("Tomorrow", after_seconds=3600)
    overdue(db, agent, agent.start("Now"))

    assert waking.sweep(db)["steps_overdue"] == 1
    assert agent.steps() == ["success"]


def test_a_run_that_is_to_begin_later_waits_for_the_one_at_work(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = sleeping(db, cloud, board, 1)
    later = agent.start("Later", after_seconds=3600)
    db.execute("UPDATE agent_runs SET not_before = now(), step_due_at = now() WHERE id = %s", (later.run_id,))

    assert waking.sweep(db)["steps_overdue"] == 0
    agent.wake(agent.end_jobs())
    assert agent.steps() == ["success", "success"]


def test_of_very_many_jobs_a_model_reads_how_many_have_which_status_and_the_failures(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    done = [insert_job(db, board.card_id, status="completed") for _ in range(198)]
    failed = [insert_job(db, board.card_id, status="failed", error_code="deadline") for _ in range(2)]
    wait = ("wait_for_jobs", {"job_ids": [str(job_id) for job_id in done + failed]})
    agent = make_agent(db, cloud, board.project_id, calls(wait), says("Done."))
    agent.start()

    assert agent.steps() == ["success"]

    told = outcome(agent)
    assert told["statuses"] == {"completed": 198, "failed": 2}
    assert [job["job_id"] for job in told["failed"]] == [str(job_id) for job_id in failed]
