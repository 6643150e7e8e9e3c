import pytest

from callboard_local import status


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
