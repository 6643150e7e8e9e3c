"""What `sam build` leaves, started by AWS's own runtime client: it answers as the functions of the running stack do."""

import json
import os
import platform
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from callboard_local import build_sizes, deployment, ministack
from callboard_local.paths import PROJECT
from callboard_local.stack import Stack
from support.runtime_api import install_runtime, invoke
from support.template import functions

BUILD = PROJECT / ".local" / "test-artefacts"
ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
# Its sample event would make the stack's providers others.
LEFT_OUT = {"migrate"}
FUNCTIONS = sorted(functions().keys() - LEFT_OUT)
# What differs from one call to the next.
VARIES = {"request_id", "timestamp", "expires_in", "ticket"}


@pytest.fixture(scope="module")
def build() -> Path:
    """Build everything for this machine's processor, apart from what a developer has built."""
    programs = [PROJECT / ".venv" / "bin", PROJECT / ".local" / "uv" / "bin"]
    environment = os.environ | {
        "PATH": os.pathsep.join([*map(str, programs), os.environ["PATH"]]),
        "ARCHITECTURE": ARCHITECTURE,
        "SAM_CLI_TELEMETRY": "0",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    options = ["--build-dir", str(BUILD / "build"), "--parameter-overrides", f"Architecture={ARCHITECTURE}"]
    built = subprocess.run(
        [str(programs[0] / "sam"), "build", *options],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    install_runtime(BUILD / "runtime")
    return BUILD / "build"


def test_lambda_takes_every_function_with_its_layers(build: Path) -> None:
    sizes = build_sizes.of_functions(build)

    assert len(sizes) == len(functions())
    assert max(sizes.values()) < build_sizes.MAX_BYTES


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_built_function_answers_its_sample_event_as_the_deployed_one_does(
    stack: Stack, build: Path, function: str
) -> None:
    event = json.loads((PROJECT / "infra" / "events" / f"{function}.json").read_text())
    client = ministack.client("lambda", stack.aws_endpoint_url)
    name = deployment.function_names(stack.aws_endpoint_url)[function]
    variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    deployed = client.invoke(FunctionName=name, Payload=json.dumps(event).encode())
    expected = json.loads(deployed["Payload"].read())
    assert "FunctionError" not in deployed, expected

    code, layers, handler = build_sizes.parts_of(build, function)
    kind, answer = invoke(
        handler,
        code,
        [*layers, BUILD / "runtime"],
        variables | ministack.CREDENTIALS | {"AWS_ENDPOINT_URL": stack.aws_endpoint_url},
        event,
    )

    assert kind == "response", answer
    assert comparable(answer) == comparable(expected)


def comparable(answer: Any) -> Any:
    """Return an answer without what varies: of an HTTP answer its status and its body."""
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return answer
    try:
        body = json.loads(answer.get("body") or "null", object_hook=partial(_without, VARIES))
    except ValueError:
        body = answer["body"]
    return answer["statusCode"], body


def _without(names: set[str], found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name not in names}
