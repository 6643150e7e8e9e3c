"""What the functions tell CloudWatch of their work."""

import json
from typing import Any

import pytest

from callboard.database import Database
from support.agents import WAIT, make_agent, plan
from support.aws import FakeCloud
from support.board import make_board
from support.model import calls, says
from support.rows import insert_provider

from .jobs.conftest import Studio
from .jobs.conftest import service as service  # a fixture
from .jobs.conftest import studio as studio  # a fixture


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, list[float]]:
    """Return all values of each metric that was written since the last time."""
    values: dict[str, list[float]] = {}
    for line in capsys.readouterr().out.splitlines():
        read: dict[str, Any] = json.loads(line)
        for directive in read.get("_aws", {}).get("CloudWatchMetrics", ()):
            for metric in directive["Metrics"]:
                values.setdefault(metric["Name"], []).extend(read[metric["Name"]])
    return values


def test_a_job_is_counted_when_it_is_accepted_and_when_it_ends(
    studio: Studio, capsys: pytest.CaptureFixture[str]
) -> None:
    studio.create()
    studio.submit()
    accepted = told(capsys)
    studio.service.finish()
    studio.check()
    ended = told(capsys)

    assert accepted["JobsAccepted"] == [1]
    assert 0 <= accepted["QueueSeconds"][0] < 60
    assert ended["JobsCompleted"] == [1]
    assert 0 <= ended["GenerationSeconds"][0] < 60
    assert "JobsAccepted" not in ended


def test_a_cancelled_job_is_counted_as_that(studio: Studio, capsys: pytest.CaptureFixture[str]) -> None:
    job_id = studio.create()
    studio.request("POST", f"/api/jobs/{job_id}/cancel")

    assert told(capsys)["JobsCancelled"] == [1]


def test_an_agent_s_run_counts_its_wake_ups_its_end_and_what_the_model_cost(
    db: Database, cloud: FakeCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    insert_provider(db)
    board = make_board(db)
    agent = make_agent(db, cloud, board.project_id, calls(plan(board), WAIT), says("Done."))
    agent.start()
    agent.steps()
    agent.wake(agent.end_jobs())
    agent.steps()

    counted = told(capsys)
    assert (counted["AgentWakeUps"], counted["RunsEnded"]) == ([1], [1])
    assert (counted["ModelCalls"], counted["InputTokens"], counted["OutputTokens"]) == ([2], [20], [10])
    assert "RunsFailed" not in counted


def test_a_failed_run_is_counted_as_that_too(
    db: Database, cloud: FakeCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    agent = make_agent(db, cloud, make_board(db).project_id, says(""))
    agent.start()
    agent.steps()

    counted = told(capsys)
    assert (counted["RunsEnded"], counted["RunsFailed"]) == ([1], [1])


def test_each_minute_tells_the_age_of_what_is_not_published_and_the_database_s_connections(
    studio: Studio, capsys: pytest.CaptureFixture[str]
) -> None:
    studio.sweep()
    before = told(capsys)
    studio.create()
    studio.db.execute("UPDATE events SET created_at = now() - interval '1 hour'")
    studio.sweep()
    after = told(capsys)

    assert before["OldestUnpublishedEventSeconds"] == [0]
    assert 3500 < after["OldestUnpublishedEventSeconds"][0] < 3700
    assert after["DatabaseConnections"][0] >= 1
