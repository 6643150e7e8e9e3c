"""Headers and bodies are read as Replicate documents them."""

import pytest
from starlette.requests import Request

from callboard_local.generator.errors import InvalidRequestError
from callboard_local.generator.requests import MAX_WAIT_SECONDS, NewOutage, deadline_seconds, parsed, wait_seconds


def request_with(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw})


@pytest.mark.parametrize(
    ("value", "seconds"), [("30s", 30), ("30", 30), ("5m", 300), ("1h30m", 5400), ("1h30m45s", 5445), ("1M", 60)]
)
def test_deadline_seconds_reads_durations(value: str, seconds: float) -> None:
    assert deadline_seconds(request_with(cancel_after=value), 5) == seconds


@pytest.mark.parametrize("value", ["", "s", "soon", "-5s", "5.5s", "1s1m", "4s", "0"])
def test_deadline_seconds_bad_or_short_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequestError):
        deadline_seconds(request_with(cancel_after=value), 5)


def test_deadline_seconds_not_sent_is_none() -> None:
    assert deadline_seconds(request_with(), 5) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("wait=5", 5), ("wait", MAX_WAIT_SECONDS), ("respond-async, wait=10", 10), ("respond-async", 0), ("", 0)],
)
def test_wait_seconds_reads_the_preference(value: str, seconds: float) -> None:
    assert wait_seconds(request_with(prefer=value)) == seconds


@pytest.mark.parametrize("value", ["wait=0", "wait=61", "wait=soon", "wait=-1"])
def test_wait_seconds_out_of_range_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequestError):
        wait_seconds(request_with(prefer=value))


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"x": NaN}', b'{"x": -Infinity}', b'{"x": "\\ud800"}', b"\xff", b"[" * 100_000]
)
async def test_parsed_body_that_cannot_be_sent_back_is_refused_as_no_json(body: bytes) -> None:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body}

    with pytest.raises(InvalidRequestError, match="not JSON"):
        await parsed(NewOutage, Request({"type": "http", "method": "POST", "headers": []}, receive))
