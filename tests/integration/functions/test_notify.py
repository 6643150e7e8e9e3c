"""notify as a function: its sample event and what it says of each event."""

import json
from pathlib import Path

import pytest

from notify.handler import lambda_handler
from support.lambdas import Context, sqs_event
from support.logs import logged

pytestmark = pytest.mark.usefixtures("cloud")
SAMPLE = Path(__file__).parents[3] / "infra" / "events" / "notify.json"


def test_the_sample_event_that_nobody_follows_is_done() -> None:
    event = json.loads(SAMPLE.read_text())
    detail = json.loads(event["Records"][0]["body"])["detail"]

    with logged() as lines:
        answer = lambda_handler(event, Context())

    assert answer == {"batchItemFailures": []}
    (line,) = lines
    assert (line["action"], line["event_id"], line["counts"]) == ("event_delivered", detail["event_id"], {})
    assert line["correlation_id"] == detail["correlation_id"]


def test_an_unreadable_event_is_named_by_its_message_and_not_quoted() -> None:
    with logged() as lines:
        answer = lambda_handler(sqs_event('{"detail": {"topic": "confidential"}}'), Context())

    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}
    assert [(line["action"], line["message_id"]) for line in lines] == [("event_unreadable", "message-0")]
    assert "confidential" not in json.dumps(lines)
