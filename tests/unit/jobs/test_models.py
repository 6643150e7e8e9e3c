"""States of jobs and what their requests may say."""

from itertools import product

import pytest

from callboard.events.models import JobStatus
from callboard.jobs.checks import INTERVAL_JITTER, INTERVAL_MAX_SECONDS
from callboard.jobs.models import LIVE, MOVES, TERMINAL
from callboard.jobs.requests import replay_headers, wait_seconds
from callboard.jobs.submission import RETRY_MAX_SECONDS, retry_delay
from callboard.providers.refusals import classify

STATES: tuple[JobStatus, ...] = ("queued", "processing", "completed", "failed", "cancelled")
LEGAL = {
    ("queued", "processing"),
    ("queued", "cancelled"),
    ("queued", "failed"),
    ("processing", "completed"),
    ("processing", "failed"),
    ("processing", "cancelled"),
    ("processing", "queued"),
}


@pytest.mark.parametrize(("before", "after"), list(product(STATES, STATES)))
def test_each_pair_of_states_is_a_move_or_none(before: JobStatus, after: JobStatus) -> None:
    assert (after in MOVES[before]) == ((before, after) in LEGAL)


def test_a_state_is_live_or_terminal_and_terminal_ones_never_change() -> None:
    assert set(STATES) == LIVE | TERMINAL
    assert all(not MOVES[state] for state in TERMINAL)


@pytest.mark.parametrize("failures", range(12))
def test_retries_wait_a_random_time_within_a_growing_bound(failures: int) -> None:
    delays = [retry_delay(failures) for _ in range(50)]

    assert all(0 <= delay <= min(RETRY_MAX_SECONDS, 2 * 2**failures) for delay in delays)
    assert len(set(delays)) > 1


def test_checks_never_wait_much_longer_than_a_minute() -> None:
    assert INTERVAL_MAX_SECONDS * (1 + INTERVAL_JITTER) <= 75


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("wait=5", 5),
        ("respond-async, wait=10", 10),
        ("wait=10; foo", 10),
        ("wait=9999", 25),
        ("wait=-1", 0),
        ("wait=abc", 0),
        ("await=5", 0),
    ],
)
def test_prefer_says_how_long_to_wait(prefer: str | None, seconds: int) -> None:
    assert wait_seconds(prefer) == seconds


def test_a_replay_is_said_to_be_one() -> None:
    assert replay_headers(True) == {"Idempotent-Replayed": "true"}
    assert replay_headers(False) == {}


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("NSFW content detected", "content_policy"),
        ("The request was flagged by the safety system", "content_policy"),
        ("Invalid value for width: must be less than 2048", "invalid_input"),
        ("CUDA out of memory", "provider_unavailable"),
        ("", "provider_unavailable"),
    ],
)
def test_failures_of_the_request_are_told_from_failures_of_the_service(message: str, code: str) -> None:
    assert classify(message) == code
