"""Log lines of functions, from the emulator's CloudWatch Logs."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from callboard_local import ministack

FOLLOW_SECONDS = 0.5
# What the platform writes around each invocation; REPORT is kept for its duration.
PLATFORM = ("START RequestId:", "END RequestId:")


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a function: our own are JSON, others (a traceback, the platform's report) plain text."""

    time: datetime
    level: str
    message: str
    fields: dict[str, Any] = field(default_factory=dict)


def read(endpoint: str, function_name: str, *, follow: bool) -> Iterator[LogLine]:
    """Yield the lines of a function, oldest first; with `follow`, go on with new ones without end."""
    logs = ministack.client("logs", endpoint)
    group = f"/aws/lambda/{function_name}"
    seen: set[tuple[str, int, str]] = set()
    while True:
        for event in _events(logs, group):
            # An invocation has a stream of its own, so this is one line of one invocation.
            key = (event["logStreamName"], event["timestamp"], event["message"])
            if key not in seen and not event["message"].startswith(PLATFORM):
                yield parse(event["timestamp"], event["message"])
            seen.add(key)
        if not follow:
            return
        time.sleep(FOLLOW_SECONDS)


def parse(timestamp_ms: int, text: str) -> LogLine:
    """Read a line: JSON as the functions write it, or any text."""
    at = datetime.fromtimestamp(timestamp_ms / 1000, tz=UTC)
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        return LogLine(at, "", text.replace("\t", "  ").rstrip())
    written_at = fields.pop("timestamp", None)
    level, message = fields.pop("level", ""), str(fields.pop("message", ""))
    for constant in ("service", "location"):
        fields.pop(constant, None)
    return LogLine(datetime.fromisoformat(written_at) if written_at else at, level, message, fields)


def _events(logs: Any, group: str) -> list[dict[str, Any]]:
    try:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        events = [event for page in pages for event in page["events"]]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return sorted(events, key=lambda event: int(event["timestamp"]))
