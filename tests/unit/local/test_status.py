from typing import Any

import pytest

from callboard_local import processes, status
from callboard_local.stack import Stack


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["/checkout/.venv/bin/python", "-m", "callboard_local.emulator"], "AWS emulator"),
        (["python", "/tmp/ministack-lambda-create_job-x/_worker.py"], "function workers"),
        (["/pginstall/bin/postgres", "-D", "/checkout/.local/run/postgres"], "PostgreSQL"),
        (["python", "-m", "callboard_local.generator", "--port", "1"], "generation service"),
        (["python", "-m", "callboard_local.planner", "--port", "1"], "scripted planner"),
        (["/usr/bin/sleep", "1"], "sleep"),
        ([], "unknown"),
    ],
)
def test_process_is_named_by_its_command_line(command: list[str], name: str) -> None:
    assert status.name_of(command) == name


def test_servers_that_are_not_there_are_told() -> None:
    fields: Any = dict.fromkeys(Stack.__dataclass_fields__, "")
    port = processes.free_port()
    url = f"http://127.0.0.1:{port}"

    states = status.servers(Stack(**fields | {"generator_url": url, "model_url": url, "planner_port": port}))

    assert states == {"generation": f"nothing listens at {url}", "model": f"No model server answers at {url}."}
