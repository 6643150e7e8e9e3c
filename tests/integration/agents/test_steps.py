"""Steps of agents: what they do to the board, how they sleep, wake, ask and end, and that nothing is done twice."""

import pytest

from callboard.database import Database
from support.agents import make_agent
from support.aws import FakeCloud
from support.board import Board, make_board
from support.model import calls, says
from support.rows import insert_provider


@pytest.fixture
def board(db: Database) -> Board:
    insert_provider(db)
    return make_board(db)


def plan(board: Board, *, candidates: int = 1, cards: int = 1) -> tuple[str, dict[str, object]]:
    arguments = {
        "project_id": str(board.project_id),
        "title": "Dusk",
        "cards": [
            {"title": f"Card {n}", "params": {"prompt": "A lamp"}, "candidates": candidates} for n in range(cards)
        ],
    }
    return "create_activity_with_cards", arguments


def test_a_run_whose_model_only_speaks_ends_with_its_words(db: Database, cloud: FakeCloud, board: Board) -> None:
    agent = make_agent(db, cloud, board.project_id, says("Nothing to do."))
    run = agent.start()

    assert agent.steps() == ["success"]
    assert agent.run(run.run_id).status == "success"
    assert agent.run(run.run_id).usage == {"calls": 1, "input_tokens": 10, "output_tokens": 5}


def test_a_plan_becomes_activity_cards_and_jobs_and_the_run_sleeps_until_they_end(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    agent = make_agent(db, cloud, board.project_id, calls(plan(board, cards=2), ("wait_for_jobs", {})), says("Done."))
    run = agent.start()

    assert agent.steps() == ["sleeping"]
    assert agent.run(run.run_id).status == "running"
    jobs = agent.end_jobs()
    assert len(jobs) == 2
    assert agent.wake(jobs) == 1
    assert agent.steps() == ["success"]
    assert '"woken_by":"jobs"' in str(agent.model.asked[-1][-1].content)
