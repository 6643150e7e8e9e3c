"""Lists of jobs: found by the index of what narrows them, however many jobs others had since."""

from typing import Any

import pytest

from callboard.database import Database
from callboard.jobs import repository
from callboard.jobs.models import JobFilter
from support.board import Board, make_board
from support.rows import insert_job, insert_provider

INDEX_OF = {
    "card_id": ("generation_jobs_by_card",),
    "project_id": ("generation_jobs_by_project",),
    "status": ("generation_jobs_by_tenant_status",),
    "tenant": ("generation_jobs_by_tenant",),
}


@pytest.fixture
def board(db: Database) -> Board:
    """Return a board with an old job, and leave many newer ones on another board and on another tenant's."""
    insert_provider(db)
    board = make_board(db)
    insert_job(db, board.card_id, status="failed", error_code="deadline")
    another, bobs = make_board(db), make_board(db, tenant="bob")
    for _ in range(150):
        insert_job(db, another.card_id, status="completed")
        insert_job(db, bobs.card_id, status="failed", error_code="deadline")
    db.execute("ANALYZE generation_jobs")
    return board


def filters(board: Board, narrowed_by: str) -> dict[str, Any]:
    given = {"card_id": board.card_id, "project_id": board.project_id, "status": "failed"}
    return {name: value if name == narrowed_by else None for name, value in given.items()}


@pytest.mark.parametrize("narrowed_by", repository.LIST_BY)
def test_a_list_is_read_from_the_index_of_what_narrows_it(db: Database, board: Board, narrowed_by: str) -> None:
    parameters = filters(board, narrowed_by) | {"tenant": "alice", "before": None, "limit": 50}

    with db.transaction():
        # A table as small as a test's is read whole unless that is made dear.
        db.execute("SET LOCAL enable_seqscan = off")
        db.execute("SET LOCAL enable_bitmapscan = off")
        rows = db.execute(b"EXPLAIN " + repository.LIST_BY[narrowed_by].encode(), parameters).fetchall()

    plan = "\n".join(row["QUERY PLAN"] for row in rows)
    assert any(f"using {index} " in plan for index in INDEX_OF[narrowed_by]), plan
    assert "Sort" not in plan


@pytest.mark.parametrize("narrowed_by", repository.LIST_BY)
def test_a_list_holds_what_it_is_narrowed_to(db: Database, board: Board, narrowed_by: str) -> None:
    found = repository.list_jobs(db, "alice", JobFilter(**filters(board, narrowed_by)), None, 50)

    assert len(found) == (50 if narrowed_by == "tenant" else 1)
    assert [job.id for job in found] == sorted((job.id for job in found), reverse=True)


def test_all_filters_count_together(db: Database, board: Board) -> None:
    wanted = JobFilter(card_id=board.card_id, project_id=board.project_id, status="completed")

    assert repository.list_jobs(db, "alice", wanted, None, 50) == []
