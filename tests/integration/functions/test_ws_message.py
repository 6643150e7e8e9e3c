"""ws_message as a function: its sample event, its log, and a client that goes away while it is answered."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from callboard.settings import get_settings
from issue_ticket.handler import lambda_handler as issue_ticket
from support.aws import FakeCloud
from support.connections_endpoint import ConnectionsEndpoint, connections_endpoint
from support.lambdas import ALICE, Context, call_http, websocket_event
from support.logs import logged
from ws_connect.handler import lambda_handler as ws_connect
from ws_message.handler import lambda_handler

SAMPLE = Path(__file__).parents[3] / "infra" / "events" / "ws_message.json"


@pytest.fixture
def endpoint(cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[ConnectionsEndpoint]:
    with connections_endpoint() as running:
        monkeypatch.setenv("WEBSOCKET_ENDPOINT", running.url)
        get_settings.cache_clear()
        ticket = call_http(issue_ticket, "POST", "/api/connections/ticket", claims=ALICE).body["ticket"]
        ws_connect(websocket_event("$connect", "c1", query={"ticket": ticket}), Context())
        yield running


def test_the_sample_event_of_a_connection_that_is_not_known_says_so(endpoint: ConnectionsEndpoint) -> None:
    event = json.loads(SAMPLE.read_text())

    assert lambda_handler(event, Context()) == {"statusCode": 200}

    (message,) = endpoint.messages(event["requestContext"]["connectionId"])
    assert (message["type"], message["id"], message["error"]["code"]) == ("error", "1", "CONNECTION_UNKNOWN")


def test_an_answer_is_posted_and_never_returned(endpoint: ConnectionsEndpoint) -> None:
    answer = lambda_handler(websocket_event("$default", "c1", body={"type": "ping"}), Context())

    assert answer == {"statusCode": 200}
    assert endpoint.posts == [("c1", {"type": "pong"})]


def test_what_a_client_said_is_not_logged(endpoint: ConnectionsEndpoint) -> None:
    with logged() as lines:
        lambda_handler(websocket_event("$default", "c1", body={"type": "ping", "id": "confidential"}), Context())
        lambda_handler(websocket_event("$default", "c1", body="confidential"), Context())

    assert [line["action"] for line in lines] == ["message_answered", "message_refused", "message_answered"]
    assert "confidential" not in json.dumps(lines)


@pytest.mark.parametrize("status", [403, 410])
def test_a_client_that_cannot_be_answered_is_no_failure(endpoint: ConnectionsEndpoint, status: int) -> None:
    endpoint.status_of["c1"] = status

    with logged() as lines:
        assert lambda_handler(websocket_event("$default", "c1", body={"type": "ping"}), Context()) == {
            "statusCode": 200
        }

    assert lines[-1]["messages"] == 0
