"""A stack to break."""

from collections.abc import Iterator

import pytest

from callboard_local import deployment, ministack
from callboard_local.paths import PROJECT, StackPaths
from callboard_local.stack import Stack
from support.stack import running_stack

PATHS = StackPaths(PROJECT / ".local" / "test-faults")
# A killed worker's messages come back after this long, instead of the minutes that they take for good reason.
VISIBILITY_SECONDS = "3"
# The emulator hands out one message of a FIFO queue at a time. Longer than a step takes with a cold start.
STEP_VISIBILITY_SECONDS = "6"
# So few super-steps a step that every run hands on.
SUPER_STEPS = "3"


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with running_stack(PATHS) as running:
        sqs = ministack.client("sqs", running.aws_endpoint_url)
        for name in ("jobs", "checks", "notify", "wake", "agents"):
            seconds = STEP_VISIBILITY_SECONDS if name == "agents" else VISIBILITY_SECONDS
            sqs.set_queue_attributes(QueueUrl=running.queues[name], Attributes={"VisibilityTimeout": seconds})
        _shorten_steps(running)
        yield running


def _shorten_steps(stack: Stack) -> None:
    functions = ministack.client("lambda", stack.aws_endpoint_url)
    name = deployment.function_names(stack.aws_endpoint_url)["run_agent_step"]
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": variables | {"AGENT_SUPER_STEPS": SUPER_STEPS}}
    )
