"""Crash points: nothing unless armed, then only the named work, once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from callboard.crash import crash_point
from callboard.observability import correlated

POINT = "submit_job.after_create"
PROGRAM = """
import sys
from callboard.crash import crash_point
crash_point(sys.argv[1], sys.argv[2])
print("survived")
"""


def run(armed: Path, point: str, correlation: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, point, correlation],
        env={"CRASH_POINTS_FILE": str(armed)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.fixture
def armed(tmp_path: Path) -> Path:
    path = tmp_path / "crash-points.json"
    path.write_text(json.dumps({POINT: "job-1"}))
    return path


def test_point_without_the_file_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CRASH_POINTS_FILE", raising=False)

    crash_point(POINT, "job-1")


def test_point_whose_file_does_not_exist_yet_does_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CRASH_POINTS_FILE", str(tmp_path / "later.json"))

    crash_point(POINT, "job-1")


@pytest.mark.parametrize(
    ("point", "correlation"), [(POINT, "job-2"), ("submit_job.before_create", "job-1"), (POINT, "")]
)
def test_point_that_is_not_armed_for_this_work_does_nothing(
    armed: Path, monkeypatch: pytest.MonkeyPatch, point: str, correlation: str
) -> None:
    monkeypatch.setenv("CRASH_POINTS_FILE", str(armed))

    crash_point(point, correlation)

    assert list(armed.parent.iterdir()) == [armed]


def test_point_takes_the_current_work_when_none_is_named(armed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exits: list[int] = []
    monkeypatch.setattr("os._exit", exits.append)
    monkeypatch.setenv("CRASH_POINTS_FILE", str(armed))

    crash_point(POINT)
    with correlated("job-1"):
        crash_point(POINT)

    assert exits == [137]


def test_armed_point_kills_the_process_once(armed: Path) -> None:
    first, second = run(armed, POINT, "job-1"), run(armed, POINT, "job-1")

    assert (first.returncode, "survived" in first.stdout) == (137, False)
    assert (second.returncode, "survived" in second.stdout) == (0, True)
