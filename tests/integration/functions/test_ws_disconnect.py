"""ws_disconnect as a function: its sample event, and what is left when it was told late or twice."""

import json
from pathlib import Path

import boto3
import pytest

from issue_ticket.handler import lambda_handler as issue_ticket
from support.aws import FakeCloud
from support.lambdas import ALICE, Context, call_http, websocket_event
from support.logs import logged
from ws_connect.handler import lambda_handler as ws_connect
from ws_disconnect.handler import lambda_handler

SAMPLE = Path(__file__).parents[3] / "infra" / "events" / "ws_disconnect.json"


@pytest.mark.usefixtures("cloud")
def test_the_sample_event_of_a_connection_that_is_not_known_is_fine() -> None:
    with logged() as lines:
        answer = lambda_handler(json.loads(SAMPLE.read_text()), Context())

    assert answer == {"statusCode": 200}
    assert [(line["action"], line["known"]) for line in lines] == [("connection_closed", False)]


def test_a_connection_is_forgotten_and_another_of_its_user_is_not(cloud: FakeCloud) -> None:
    for connection_id in ("c1", "c2"):
        ticket = call_http(issue_ticket, "POST", "/api/connections/ticket", claims=ALICE).body["ticket"]
        ws_connect(websocket_event("$connect", connection_id, query={"ticket": ticket}), Context())

    for _ in range(2):
        assert lambda_handler(websocket_event("$disconnect", "c1"), Context()) == {"statusCode": 200}

    left = boto3.client("dynamodb").scan(TableName=cloud.connections_table)["Items"]
    assert {(item["pk"]["S"], item["sk"]["S"]) for item in left} == {
        ("CONN#c2", "META"),
        ("USER#alice#user-alice", "CONN#c2"),
    }
