from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from callboard_local import dead_letters, ministack
from callboard_local.errors import StackError
from support.aws import CREDENTIALS

ENDPOINT = "http://127.0.0.1:1"


@pytest.fixture
def queues(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(ministack, "client", lambda service, endpoint: boto3.client(service))
    with mock_aws():
        sqs = boto3.client("sqs")
        yield {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("jobs", "jobs-dead-letters", "odd")}


def _bodies(queue_url: str) -> list[str]:
    messages = boto3.client("sqs").receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages", [])
    return sorted(message["Body"] for message in messages)


def test_redrive_moves_every_dead_letter_back(queues: dict[str, str]) -> None:
    bodies = [f"message {number:02}" for number in range(12)]
    for body in bodies:
        boto3.client("sqs").send_message(QueueUrl=queues["jobs-dead-letters"], MessageBody=body)

    moved = dead_letters.redrive(ENDPOINT, queues, "jobs")

    assert moved == 12
    assert sorted(_bodies(queues["jobs"]) + _bodies(queues["jobs"])) == bodies
    assert _bodies(queues["jobs-dead-letters"]) == []


def test_redrive_without_dead_letters_moves_none(queues: dict[str, str]) -> None:
    assert dead_letters.redrive(ENDPOINT, queues, "jobs") == 0


@pytest.mark.parametrize("name", ["odd", "jobs-dead-letters", "unknown"])
def test_redrive_of_a_queue_without_dead_letters_names_those_that_have_some(queues: dict[str, str], name: str) -> None:
    with pytest.raises(StackError, match=rf"no queue {name} with dead letters; there are jobs\."):
        dead_letters.redrive(ENDPOINT, queues, name)
