"""The agents' routes as a client calls them, and what their streams say."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent_api.handler import lambda_handler
from support.lambdas import ALICE, Answer, call_http


def ask(method: str, path: str, body: Any = None, *, claims: Mapping[str, str] | None = ALICE, **parts: Any) -> Answer:
    """Call a route under /agents, as alice unless it is said who asks."""
    return call_http(lambda_handler, method, f"/agents{path}", body=body, claims=claims, **parts)


def code_of(answer: Answer) -> tuple[int, str]:
    """Return the status and the code of an error."""
    return answer.status, answer.body["error"]["code"]


def fields_of(answer: Answer) -> list[str]:
    """Return the fields that an error is about."""
    assert answer.status == 422, answer.text
    return [fault["field"] for fault in answer.body["error"]["details"]["fields"]]


@dataclass(frozen=True)
class Event:
    """A server-sent event."""

    name: str
    data: Any
    id: str | None


def events_of(answer: Answer) -> list[Event]:
    """Read a segment of a stream."""
    assert answer.status == 200, answer.text
    assert answer.headers["Content-Type"] == "text/event-stream"
    events = []
    for block in answer.text.split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        events.append(Event(fields["event"], json.loads(fields["data"]), fields.get("id")))
    return events
