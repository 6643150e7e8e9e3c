"""A board, a service and a company of functions around it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from psycopg.sql import SQL, Identifier

from callboard.database import Database
from check_job.handler import lambda_handler as check_job
from create_job.handler import lambda_handler as create_job
from manage_jobs.handler import lambda_handler as manage_jobs
from submit_job.handler import lambda_handler as submit_job
from support.aws import FakeCloud
from support.board import Board, make_board, one
from support.lambdas import ALICE, Answer, Context, call_http, sqs_event
from support.rows import insert_provider
from support.service import FakeService, fake_service
from sweep_jobs.handler import lambda_handler as sweep_jobs


@dataclass
class Studio:
    """Everything that a job needs on its way, driven by hand."""

    db: Database
    cloud: FakeCloud
    board: Board
    service: FakeService

    def create(self, **body: Any) -> UUID:
        """Create a job as alice and return its id."""
        answer = self.request(
            "POST", "/api/jobs", {"card_id": str(self.board.card_id), "params": {"prompt": "x"}} | body
        )
        assert answer.status == 202, answer.text
        return UUID(answer.body["job_id"])

    def request(self, method: str, path: str, body: Any = None, **parts: Any) -> Answer:
        """Send an HTTP request as alice to whichever function serves it."""
        handler = create_job if (method, path) in {("POST", "/api/jobs"), ("POST", "/api/jobs/batch")} else manage_jobs
        return call_http(handler, method, path, body=body, **({"claims": ALICE} | parts))

    def submit(self, *messages: dict[str, Any]) -> None:
        """Deliver wake-ups: those given, or those in the queue."""
        found = list(messages) or self.cloud.messages(self.cloud.jobs_queue_url)
        assert submit_job(sqs_event(*(found or [{}])), Context()) == {"batchItemFailures": []}

    def check(self, *tickets: dict[str, Any]) -> None:
        """Deliver checks: those given, or one now for every running attempt."""
        found = list(tickets) or [
            {"job_id": str(row["job_id"]), "attempt": row["attempt"]}
            for row in self.db.execute("SELECT job_id, attempt FROM job_attempts WHERE state = 'submitted'")
        ]
        assert check_job(sqs_event(*found), Context()) == {"batchItemFailures": []}

    def sweep(self) -> dict[str, int]:
        """Let a minute's sweep happen."""
        return sweep_jobs({}, Context())

    def job(self, job_id: UUID) -> dict[str, Any]:
        """Read a job's row."""
        return one(self.db, "SELECT * FROM generation_jobs WHERE id = %s", job_id)

    def attempt(self, job_id: UUID) -> dict[str, Any]:
        """Read a job's newest attempt."""
        return one(self.db, "SELECT * FROM job_attempts WHERE job_id = %s ORDER BY attempt DESC LIMIT 1", job_id)

    def let_time_pass(self, column: str, table: str = "generation_jobs") -> None:
        """Move a time into the past, as waiting would."""
        statement = SQL("UPDATE {0} SET {1} = now() - interval '1 hour' WHERE {1} IS NOT NULL")
        self.db.execute(statement.format(Identifier(table), Identifier(column)))

    def statuses(self, job_id: UUID) -> list[str]:
        """Return the statuses that the job's events tell, in order."""
        rows = self.db.execute(
            "SELECT payload FROM events WHERE payload->>'job_id' = %s ORDER BY context_offset", (str(job_id),)
        )
        return [row["payload"]["status"] for row in rows]


@pytest.fixture
def service() -> Iterator[FakeService]:
    with fake_service() as running:
        yield running


@pytest.fixture
def studio(db: Database, cloud: FakeCloud, service: FakeService) -> Studio:
    insert_provider(db, base_url=service.url)
    return Studio(db, cloud, make_board(db), service)


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)
