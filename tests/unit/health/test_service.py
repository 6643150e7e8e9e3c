"""Health checks: all at once, none for longer than its time, nothing of the inside in the report."""

import threading
import time
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from callboard.health.service import check_all

type Hang = Callable[[], object]


@pytest.fixture
def hang() -> Iterator[Hang]:
    """A check that does not answer while the test runs."""
    release = threading.Event()
    yield lambda: release.wait(30)
    release.set()


def unique(name: str) -> str:
    return f"{name}-{uuid4().hex}"


def answer() -> None:
    return None


def refuse() -> None:
    raise ConnectionError("postgresql://callboard:secret@10.0.0.1")


def test_report_when_all_answer_is_healthy() -> None:
    first, second = unique("first"), unique("second")

    report = check_all({first: answer, second: answer})

    assert report.is_healthy
    assert report.checks == {first: "healthy", second: "healthy"}
    assert report.timestamp.utcoffset() is not None


def test_report_when_one_raises_is_unhealthy_and_names_only_the_check() -> None:
    good, bad = unique("good"), unique("bad")

    report = check_all({good: answer, bad: refuse})

    assert report.status == "unhealthy"
    assert report.checks == {good: "healthy", bad: "unhealthy"}
    assert "secret" not in report.model_dump_json()


def test_checks_that_hang_are_unhealthy_after_one_time_limit_for_all(hang: Hang) -> None:
    names = [unique("hung") for _ in range(3)]
    started = time.monotonic()

    report = check_all(dict.fromkeys(names, hang), seconds=0.2)

    assert set(report.checks.values()) == {"unhealthy"}
    assert time.monotonic() - started < 0.55


def test_checks_run_at_the_same_time() -> None:
    meeting = threading.Barrier(3, timeout=5)

    report = check_all({unique("check"): meeting.wait for _ in range(3)})

    assert report.is_healthy


def test_check_that_hung_is_healthy_again_once_it_answers() -> None:
    name, release = unique("check"), threading.Event()
    assert not check_all({name: lambda: release.wait(30)}, seconds=0.05).is_healthy

    release.set()

    assert check_all({name: answer}).is_healthy
