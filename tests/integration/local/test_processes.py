import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from callboard_local import processes
from callboard_local.errors import StackError
from callboard_local.paths import StackPaths

SLEEP = "import time; time.sleep(60)"
# A child that starts a child of its own in another session, as the emulator starts workers.
PARENT = f"""
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", {SLEEP!r}], start_new_session=True)
print("started", flush=True)
time.sleep(60)
"""


def _make_paths(root: Path) -> StackPaths:
    paths = StackPaths(root)
    (paths.run / "tmp").mkdir(parents=True)
    return paths


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[StackPaths]:
    paths = _make_paths(tmp_path / "one" / ".local")
    yield paths
    processes.stop_all(paths)


@pytest.fixture
def other_paths(tmp_path: Path) -> Iterator[StackPaths]:
    paths = _make_paths(tmp_path / "two" / ".local")
    yield paths
    processes.stop_all(paths)


def _start(paths: StackPaths, name: str, source: str) -> subprocess.Popen[bytes]:
    return processes.start(paths, name, [sys.executable, "-c", source])


def _on_request(answer: str) -> str:
    """Make a program that says `ready`, and `asked` when it is asked to end."""
    return f"""
import signal, time
def on_request(number, frame):
    print("asked", flush=True)
    {answer}
signal.signal(signal.SIGTERM, on_request)
print("ready", flush=True)
while True:
    time.sleep(60)
"""


def _start_family(paths: StackPaths) -> subprocess.Popen[bytes]:
    parent = _start(paths, "parent", PARENT)
    processes.wait_until(paths, "parent", parent, lambda: "started" in processes.tail(paths, "parent"), 20)
    return parent


def test_stop_all_ends_grandchildren_whose_parent_was_killed(paths: StackPaths) -> None:
    parent = _start_family(paths)
    (orphan,) = psutil.Process(parent.pid).children()
    parent.kill()
    parent.wait()

    stopped = processes.stop_all(paths)

    assert stopped == 1
    assert not orphan.is_running()
    assert processes.marked(paths) == []


def test_stop_all_leaves_the_processes_of_another_stack(paths: StackPaths, other_paths: StackPaths) -> None:
    mine, other = _start(paths, "mine", SLEEP), _start(other_paths, "other", SLEEP)

    assert processes.stop_all(paths) == 1
    assert not psutil.pid_exists(mine.pid)
    assert other.poll() is None


def test_stop_all_asks_first(paths: StackPaths) -> None:
    polite = _start(paths, "polite", _on_request("raise SystemExit"))
    processes.wait_until(paths, "polite", polite, lambda: "ready" in processes.tail(paths, "polite"), 20)

    processes.stop_all(paths)

    assert "asked" in processes.tail(paths, "polite")


def test_stop_all_kills_what_ignores_the_request(paths: StackPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.3)
    deaf = _start(paths, "deaf", _on_request("return"))
    processes.wait_until(paths, "deaf", deaf, lambda: "ready" in processes.tail(paths, "deaf"), 20)

    processes.stop_all(paths)

    assert "asked" in processes.tail(paths, "deaf")
    assert not psutil.pid_exists(deaf.pid)


def test_stop_all_of_nothing_is_nothing(paths: StackPaths) -> None:
    assert processes.stop_all(paths) == 0


def test_child_outlives_whoever_started_it(paths: StackPaths) -> None:
    child = _start(paths, "child", SLEEP)

    assert os.getsid(child.pid) == child.pid != os.getsid(0)


def test_wait_for_a_child_that_dies_shows_the_end_of_its_log(paths: StackPaths) -> None:
    child = _start(paths, "child", "raise SystemExit('no such port')")

    with pytest.raises(StackError, match=r"child ended at once with code 1\.\nno such port"):
        processes.wait_until(paths, "child", child, lambda: False, 20)


def test_wait_for_a_child_that_never_gets_ready_ends(paths: StackPaths) -> None:
    child = _start(paths, "child", SLEEP)
    started_at = time.monotonic()

    with pytest.raises(StackError, match="child was not ready after 0 seconds"):
        processes.wait_until(paths, "child", child, lambda: False, 0.2)
    assert time.monotonic() - started_at < 5


def test_child_gets_no_foreign_settings(paths: StackPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = ("AWS_PROFILE", "AWS_ENDPOINT_URL", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "HTTPS_PROXY")
    for name in foreign:
        monkeypatch.setenv(name, "foreign")

    environment = processes.environment(paths, {"PORT": "1"})

    assert not set(foreign) & set(environment)
    assert environment["PORT"] == "1"
    assert environment[processes.MARK] == str(paths.root)
    assert Path(environment["TMPDIR"]).is_relative_to(paths.run)
