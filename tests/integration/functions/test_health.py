"""The health function over HTTP and on its schedule."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from callboard import database, discovery
from callboard.discovery import NoHealthyInstanceError, discover
from health.handler import lambda_handler
from support.aws import FakeCloud
from support.lambdas import Answer, Context, call_http

SCHEDULED: dict[str, Any] = {"source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": {}}


@dataclass(frozen=True)
class Registry:
    """Cloud Map as template.yaml makes it."""

    job_queue: str
    agents: str
    mcp: str
    notifications: str

    def add(self, service_id: str, instance: str, url: str) -> None:
        client = boto3.client("servicediscovery")
        client.register_instance(ServiceId=service_id, InstanceId=instance, Attributes={"url": url})


@pytest.fixture
def registry(cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    client = boto3.client("servicediscovery")
    client.create_http_namespace(Name="callboard-test")
    namespace = client.list_namespaces()["Namespaces"][0]["Id"]
    ids = [
        client.create_service(Name=name, NamespaceId=namespace, HealthCheckCustomConfig={"FailureThreshold": 1})[
            "Service"
        ]["Id"]
        for name in ("job-queue", "agents", "mcp", "notifications")
    ]
    made = Registry(*ids)
    made.add(made.job_queue, "http-api", "https://api.example.test")
    made.add(made.agents, "agent-api", "https://api.example.test/agents")
    made.add(made.mcp, "mcp-server", "https://api.example.test/mcp")
    made.add(made.notifications, "websocket-api", "wss://ws.example.test/live")
    monkeypatch.setenv("JOB_QUEUE_SERVICE_ID", made.job_queue)
    monkeypatch.setenv("AGENTS_SERVICE_ID", made.agents)
    monkeypatch.setenv("MCP_SERVICE_ID", made.mcp)
    monkeypatch.setenv("NOTIFICATIONS_SERVICE_ID", made.notifications)
    discovery.forget()
    yield made
    discovery.forget()


def get_health() -> Answer:
    return call_http(lambda_handler, "GET", "/health")


def test_health_when_all_answer_is_200(cloud: FakeCloud) -> None:
    answer = get_health()

    assert answer.status == 200
    assert answer.body["status"] == "healthy"
    assert answer.body["checks"] == {"database": "healthy", "message_broker": "healthy", "connections": "healthy"}
    assert answer.body["timestamp"].endswith(("Z", "+00:00"))
    assert answer.headers["Cache-Control"] == "no-store"


def test_health_without_a_table_is_503_and_says_which_check(cloud: FakeCloud) -> None:
    boto3.client("dynamodb").delete_table(TableName=cloud.connections_table)

    answer = get_health()

    assert answer.status == 503
    assert answer.body["status"] == "unhealthy"
    assert answer.body["checks"] == {"database": "healthy", "message_broker": "healthy", "connections": "unhealthy"}
    assert set(answer.body) == {"status", "checks", "timestamp"}


def test_health_without_a_database_tells_nothing_of_the_inside(cloud: FakeCloud) -> None:
    database.close()
    boto3.client("secretsmanager").put_secret_value(
        SecretId="callboard/database-url", SecretString="postgresql://callboard:hidden@127.0.0.1:1/callboard"
    )

    answer = get_health()

    assert answer.status == 503
    assert answer.body["checks"]["database"] == "unhealthy"
    assert "hidden" not in answer.text
    assert "127.0.0.1" not in answer.text


def test_scheduled_run_when_unhealthy_hides_the_instances_and_when_healthy_shows_them(registry: Registry) -> None:
    boto3.client("events").delete_event_bus(Name="callboard")
    lambda_handler(SCHEDULED, Context())
    with pytest.raises(NoHealthyInstanceError):
        discover("job-queue")
    with pytest.raises(NoHealthyInstanceError):
        discover("notifications")

    boto3.client("events").create_event_bus(Name="callboard")
    lambda_handler(SCHEDULED, Context())

    assert discover("job-queue") == "https://api.example.test"
    assert discover("notifications") == "wss://ws.example.test/live"


def test_request_changes_nothing_in_service_discovery(registry: Registry) -> None:
    boto3.client("events").delete_event_bus(Name="callboard")

    assert get_health().status == 503

    assert discover("job-queue") == "https://api.example.test"
