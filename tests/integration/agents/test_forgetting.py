"""What of ended threads is forgotten, and what is kept."""

from uuid import UUID

from callboard.agents import service, steps, waking
from callboard.agents.models import NewRun, NewThread
from callboard.database import Database
from callboard.identity import Caller
from support.agents import ALICE, WAIT, Agent, asking, make_agent, plan
from support.aws import FakeCloud
from support.board import Board, count, one
from support.model import calls, says


def test_old_checkpoints_of_an_idle_thread_are_forgotten_and_the_last_stays(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    agent = make_agent(db, cloud, board.project_id, says("Done."))
    agent.start()
    agent.steps()
    before = count(db, "checkpoints")
    db.execute("UPDATE agent_threads SET updated_at = now() - interval '30 days'")

    assert waking.sweep(db)["threads_to_prune"] == 1
    (message,) = [m for m in cloud.messages(cloud.agent_queue_url) if m.get("prune")]
    steps.prune(db, UUID(message["thread"]))

    assert before > 1
    assert count(db, "checkpoints") == 1
    assert agent.state()["answer"] == "Done."
    assert waking.sweep(db)["threads_to_prune"] == 0


def test_a_busy_thread_keeps_its_checkpoints(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = make_agent(db, cloud, board.project_id, calls(plan(board), WAIT))
    agent.start()
    agent.steps()
    before = count(db, "checkpoints")

    steps.prune(db, agent.thread.id)

    assert count(db, "checkpoints") == before


def test_a_thread_made_for_one_run_is_deleted_after_it(db: Database, cloud: FakeCloud, board: Board) -> None:
    caller = Caller(tenant="alice", user_id="user-alice", user_name="alice")
    thread = service.create_thread(
        db, caller, NewThread(metadata={"project_id": str(board.project_id)}), ephemeral=True
    )
    agent = make_agent(db, cloud, board.project_id, says("Done."))
    agent.thread = thread
    service.create_run(db, caller, thread.view.thread_id, NewRun(assistant_id="production", input={"brief": "A lamp"}))
    agent.steps()

    steps.prune(db, thread.id)

    assert one(db, "SELECT count(*) AS n FROM agent_threads WHERE ephemeral")["n"] == 0
    assert count(db, "checkpoints") == 0


def test_what_is_to_be_forgotten_is_asked_for_again_when_it_did_not_happen(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    agent = make_agent(db, cloud, board.project_id, says("Done."))
    agent.start()
    agent.steps()
    db.execute("UPDATE agent_threads SET updated_at = now() - interval '30 days'")
    assert [waking.sweep(db)["threads_to_prune"] for _ in range(2)] == [1, 0]

    db.execute("UPDATE agent_threads SET prune_asked_at = now() - interval '2 hours'")
    assert waking.sweep(db)["threads_to_prune"] == 1
    steps.prune(db, agent.thread.id)
    db.execute("UPDATE agent_threads SET prune_asked_at = now() - interval '2 hours'")
    assert waking.sweep(db)["threads_to_prune"] == 0


def test_an_open_question_of_a_run_without_a_thread_is_kept(db: Database, cloud: FakeCloud, board: Board) -> None:
    asking(db, cloud, board)
    db.execute("UPDATE agent_threads SET ephemeral = true, updated_at = now() - interval '1 hour'")

    assert waking.sweep(db)["threads_to_prune"] == 0


def later(db: Database, cloud: FakeCloud, board: Board) -> Agent:
    """Return an agent in a thread of its run's own, which is to begin after the thread would have been forgotten."""
    agent = make_agent(db, cloud, board.project_id, says("Done."))
    request = NewRun.model_validate(
        {
            "assistant_id": "production",
            "input": {"brief": "A lamp"},
            "metadata": {"project_id": str(board.project_id)},
            "after_seconds": 3600,
        }
    )
    agent.thread = service.create_stateless_run(db, ALICE, request).result[0]
    db.execute("UPDATE agent_threads SET updated_at = now() - interval '30 days' WHERE ephemeral")
    return agent


def test_a_thread_whose_run_is_to_begin_later_is_not_asked_to_be_forgotten(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    later(db, cloud, board)

    assert waking.sweep(db)["threads_to_prune"] == 0


def test_a_run_that_is_to_begin_later_does_though_its_thread_was_to_be_forgotten(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    agent = later(db, cloud, board)

    steps.prune(db, agent.thread.id)
    db.execute("UPDATE agent_runs SET not_before = now()")

    assert agent.step() == "success"


def test_a_thread_that_went_on_after_it_was_forgotten_is_forgotten_again(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    agent = make_agent(db, cloud, board.project_id, says("Done."))
    for _ in range(2):
        agent.start()
        agent.steps()
        steps.prune(db, agent.thread.id)
        assert count(db, "checkpoints") == 1
