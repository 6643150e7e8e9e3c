"""What `sam build` leaves, started by AWS's own runtime client: it answers as the functions of the running stack do."""

import json
import os
import platform
import subprocess
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
    """Return what does not vary of an answer: the names that it holds, what of a batch failed, an error's code.

    Other tests use the stack at the same time, so what is listed or counted may be more a moment later.
    """
    if not isinstance(answer, dict):
        return type(answer).__name__
    if "statusCode" in answer:
        return answer["statusCode"], comparable(_body_of(answer))
    error = answer.get("error")
    return sorted(answer), answer.get("batchItemFailures"), error and error["code"]


def _body_of(answer: dict[str, Any]) -> Any:
    try:
        return json.loads(answer.get("body") or "null")
    except ValueError:
        return answer["body"]
