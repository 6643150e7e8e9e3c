"""A stack to break."""

from collections.abc import Iterator

import pytest

from callboard_local import ministack
from callboard_local.paths import PROJECT, StackPaths
from callboard_local.stack import Stack
from support.stack import running_stack

PATHS = StackPaths(PROJECT / ".local" / "test-faults")
# A killed worker's messages come back after this long, instead of the minutes that they take for good reason.
VISIBILITY_SECONDS = "3"


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with running_stack(PATHS) as running:
        sqs = ministack.client("sqs", running.aws_endpoint_url)
        for name in ("jobs", "checks", "notify"):
            sqs.set_queue_attributes(
                QueueUrl=running.queues[name],
                Attributes={
                    "VisibilityTimeout": VISIBILITY_SECONDS,
                },
            )
        yield running
