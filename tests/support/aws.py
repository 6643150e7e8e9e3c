"""The services a function talks to, faked in process by moto, and the settings that point at them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import boto3
import pytest
from aws_lambda_powertools.utilities import parameters
from moto import mock_aws
from moto.moto_api._internal.models import moto_api_backend

from callboard import access_tokens, aws, database
from callboard.settings import get_settings

REGION: Final = "eu-central-1"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
}
PROVIDER_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass(frozen=True)
class FakeCloud:
    """What a function's environment points at."""

    jobs_queue_url: str
    checks_queue_url: str
    agent_queue_url: str
    bus_queue_url: str
    assets_bucket: str
    connections_table: str

    def messages(self, queue_url: str) -> list[dict[str, Any]]:
        """Take all visible messages from a queue and return their bodies."""
        sqs = boto3.client("sqs")
        bodies: list[dict[str, Any]] = []
        while found := sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                bodies.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def published(self) -> list[dict[str, Any]]:
        """Take all events that reached the bus and return their details."""
        return [message["detail"] for message in self.messages(self.bus_queue_url)]


def forget_clients() -> None:
    """Drop everything an execution environment keeps, as a cold start would."""
    for client in (
        aws.sqs,
        aws.bedrock_runtime,
        aws.eventbridge,
        aws.s3,
        aws.dynamodb,
        aws.websocket_management,
        aws.servicediscovery,
        aws.cognito,
        aws.functions,
        aws.bedrock_runtime,
        aws.bedrock_media,
    ):
        client.cache_clear()
    get_settings.cache_clear()
    parameters.clear_caches()  # type: ignore[no-untyped-call]
    access_tokens.forget_keys()
    database.close()


@contextmanager
def faked_services() -> Iterator[None]:
    """Answer all calls to AWS in process, for a whole run: what boto3 reads of its files, it reads once."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in CREDENTIALS.items():
            environment.setenv(name, value)
        environment.delenv("AWS_ENDPOINT_URL", raising=False)
        with mock_aws():
            yield


@contextmanager
def fake_cloud(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCloud]:
    """Lay out an empty cloud for one test, with the environment variables that template.yaml sets."""
    moto_api_backend.reset()
    sqs, events = boto3.client("sqs"), boto3.client("events")
    queues = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("jobs", "checks", "bus-tap")}
    queues["agents"] = sqs.create_queue(QueueName="agents.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    bus_arn = sqs.get_queue_attributes(QueueUrl=queues["bus-tap"], AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    events.create_event_bus(Name="callboard")
    events.put_rule(Name="all", EventBusName="callboard", EventPattern=json.dumps({"source": ["callboard"]}))
    events.put_targets(Rule="all", EventBusName="callboard", Targets=[{"Id": "tap", "Arn": bus_arn}])
    boto3.client("s3").create_bucket(Bucket="assets", CreateBucketConfiguration={"LocationConstraint": REGION})
    boto3.client("dynamodb").create_table(
        TableName="connections",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
    )
    secrets = boto3.client("secretsmanager")
    secrets.create_secret(Name="callboard/database-url", SecretString=database_url)
    secrets.create_secret(Name="callboard/provider-token", SecretString="token")
    secrets.create_secret(Name="callboard/provider-webhook", SecretString=PROVIDER_SECRET)
    for name, value in {
        "ENVIRONMENT": "local",
        "STACK_NAME": "callboard-test",
        "DATABASE_URL_SECRET": "callboard/database-url",
        "EVENT_BUS_NAME": "callboard",
        "JOBS_QUEUE_URL": queues["jobs"],
        "CHECKS_QUEUE_URL": queues["checks"],
        "AGENT_QUEUE_URL": queues["agents"],
        "ASSETS_BUCKET": "assets",
        "CONNECTIONS_TABLE": "connections",
        "DISCOVERY_NAMESPACE": "callboard-test",
        "DEFAULT_PROVIDER": "replicate",
        "PUBLIC_URL": "https://api.example.test",
        "WEBSOCKET_URL": "wss://ws.example.test/live",
        "WEBSOCKET_ENDPOINT": "https://ws.example.test/live",
    }.items():
        monkeypatch.setenv(name, value)
    forget_clients()
    try:
        yield FakeCloud(queues["jobs"], queues["checks"], queues["agents"], queues["bus-tap"], "assets", "connections")
    finally:
        forget_clients()
