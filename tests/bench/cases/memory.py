"""A project's memory is to cost the same however many jobs the project has had.

Ours is the memory of a project with many jobs, the peer that of one with few: the same service, cards and database.
"""

from collections.abc import Callable
from uuid import UUID

from bench.results import Result, compare
from callboard.database import Database, connect
from callboard.identity import Caller
from callboard.projects import service
from callboard.projects.models import MEMORY_JOBS
from support.rows import insert_activity, insert_card, insert_project
from support.statements import counted

GOAL = 1.3
CARDS = 10
FEW, MANY = 100, 100_000
ROUNDS = 200
CALLER = Caller(tenant="memory", user_id="user-memory", user_name="memory")

EXPLAINED = f"""**Memory**: ours is `projects.get_project_memory` of a project with {MANY:,} completed jobs, the peer
the same of a project with {FEW}, whose jobs are older than all of those. Both have {CARDS} cards, are of one tenant,
and show {MEMORY_JOBS} jobs with signed URLs. Both take one statement, which the case checks."""

INSERT_JOBS = """
    INSERT INTO generation_jobs (
        id, tenant, project_id, card_id, provider, status, params, priority, run_after, deadline_at, on_unknown,
        attempt, failures, progress, cancel_requested, result_url, media_type, correlation_id, created_by,
        created_at, started_at, completed_at)
    SELECT uuidv7(), card.tenant, card.project_id, card.id, 'replicate', 'completed',
           '{"prompt": "A lamp at dusk, seen from below"}', 0, now(), now() + interval '1 hour', 'fail',
           1, 0, 1.0, false, 'outputs/bench/' || number || '.png', 'image/png', 'bench', 'user-memory',
           now(), now(), now()
    FROM generate_series(1, %(jobs_per_card)s) AS number
    CROSS JOIN task_cards AS card
    WHERE card.project_id = %(project_id)s"""


def measure(url: str) -> list[Result]:
    """Measure a project with many jobs against one with few."""
    with connect(url) as db:
        few, many = (_project(db, jobs) for jobs in (FEW, MANY))
        db.execute("ANALYZE generation_jobs")
        for project_id in (few, many):
            with counted() as statements:
                service.get_project_memory(db, CALLER, project_id)
            assert len(statements) == 1, statements

        def remembering(project_id: UUID) -> Callable[[], Callable[[], object]]:
            return lambda: lambda: service.get_project_memory(db, CALLER, project_id)

        case, peer = f"memory: a project with {MANY:,} jobs", f"a project with {FEW} jobs"
        return [compare(case, peer, remembering(many), remembering(few), rounds=ROUNDS, goal=GOAL)]


def _project(db: Database, jobs: int) -> UUID:
    """Make a project with so many jobs, spread over its cards."""
    project_id = insert_project(db, tenant=CALLER.tenant)
    activity_id = insert_activity(db, project_id)
    for number in range(CARDS):
        insert_card(db, activity_id, title=f"Card {number}", position=number)
    db.execute(INSERT_JOBS, {"project_id": project_id, "jobs_per_card": jobs // CARDS})
    return project_id
