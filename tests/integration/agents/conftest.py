"""A thread of alice's about a project, and a model that says what the test tells it."""

import pytest

from callboard.database import Database
from support.agents import Agent, make_agent
from support.aws import FakeCloud
from support.board import Board, make_board
from support.model import says
from support.rows import insert_provider


@pytest.fixture
def board(db: Database) -> Board:
    insert_provider(db)
    return make_board(db)


@pytest.fixture
def agent(db: Database, cloud: FakeCloud, board: Board) -> Agent:
    """Speak once, then be silent; a test may set other answers."""
    return make_agent(db, cloud, board.project_id, says("Done."))
