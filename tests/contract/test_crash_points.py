"""Crash points: each is named for its function, and the fault tests kill at it."""

import re

import pytest

from callboard_local.paths import PROJECT
from faults import test_agents, test_crash_points

EVERY_POINT = [*test_crash_points.EVERY_POINT, *test_agents.POINTS]
SOURCES = [*(PROJECT / "layers" / "callboard").rglob("*.py"), *(PROJECT / "functions").rglob("*.py")]
NAME = re.compile(r"""crash_point\(\s*"([a-z_.]+)\"""")
ORIGIN = re.compile(r"""origin="([a-z_.]+)\"""")
# Those that publish have two points more each.
PUBLISHING = ("before_publish", "after_publish")
ELSEWHERE = {
    "update_job_status.after_adopt": "the service sends its callback again, and the checks go on without it",
    "manage_board": "the board's integration tests show that what is committed and not published is relayed",
    "manage_jobs": "as the board's",
    "ws_connect": "a client whose connection fails opens another",
    "ws_disconnect": "what it leaves is removed at the next post or expires",
    "ws_message": "the tests of connections kill there",
    "sweep_jobs": "each part is repeated a minute later; the integration tests show that it is idempotent",
    "relay_events": "a second relay publishes again; the integration tests show it",
    "submit_job.outcome": "as submit_job's own publishing",
    "agent_api": "a run that is stored and not sent is begun by the sweep; the integration tests show it",
    "agent_api.run": "as the board's",
    "agent_api.cancel": "as the board's",
    "mcp_server": "as the board's; jobs that are stored and not sent are woken by the sweep",
    "wake_agent": "as the board's; a woken run that is not sent is sent by the sweep, which is killed for",
    "run_agent_step": "as the board's: what is committed and not published is relayed",
    "run_agent_step.tool": "as the board's",
    "run_agent_step.sleep": "as the board's",
    "run_agent_step.wake": "as the board's",
    "run_agent_step.end": "as the board's",
}


def names() -> list[str]:
    found = [name for path in SOURCES for name in NAME.findall(path.read_text())]
    origins = {origin for path in SOURCES for origin in ORIGIN.findall(path.read_text())}
    return [*found, *(f"{origin}.{moment}" for origin in sorted(origins) for moment in PUBLISHING)]


def test_names_stand_for_one_place_each() -> None:
    found = names()

    assert len(found) >= 30
    assert len(found) == len(set(found))


@pytest.mark.parametrize("name", sorted(set(names())))
def test_a_point_is_named_for_a_function_and_killed_at_or_excused(name: str) -> None:
    function = name.partition(".")[0]

    assert (PROJECT / "functions" / function / "handler.py").exists()
    assert name in EVERY_POINT or name in ELSEWHERE or name.rpartition(".")[0] in ELSEWHERE


def test_the_fault_tests_kill_at_points_that_exist() -> None:
    assert set(EVERY_POINT) <= set(names())
