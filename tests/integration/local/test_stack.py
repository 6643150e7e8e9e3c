import fcntl
import json
import os
from pathlib import Path

import pytest

from callboard_local import processes, stack
from callboard_local.errors import StackError, StackNotRunningError
from callboard_local.paths import StackPaths


@pytest.fixture
def paths(tmp_path: Path) -> StackPaths:
    paths = StackPaths(tmp_path / ".local")
    paths.root.mkdir()
    return paths


def test_second_start_at_the_same_time_is_refused(paths: StackPaths) -> None:
    lock = os.open(paths.root, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)

        with pytest.raises(StackError, match="being started already"):
            stack.up(paths, lambda step: None)
    finally:
        os.close(lock)


def test_start_with_a_foreign_address_touches_nothing(paths: StackPaths) -> None:
    with pytest.raises(StackError, match="not an address of this machine"):
        stack.up(paths, lambda step: None, bind="192.0.2.1")

    assert list(paths.root.iterdir()) == []


@pytest.mark.parametrize("content", ["", "{}", '{"http": "http://127.0.0.1:1"}', "[]"])
def test_unreadable_stack_file_means_that_nothing_runs(paths: StackPaths, content: str) -> None:
    paths.stack_file.write_text(content)

    with pytest.raises(StackNotRunningError):
        stack.running(paths)


def test_stack_file_of_a_killed_stack_means_that_nothing_runs(paths: StackPaths) -> None:
    fields = dict.fromkeys(stack.Stack.__dataclass_fields__, "") | {
        "aws_endpoint_url": f"http://127.0.0.1:{processes.free_port()}"
    }
    paths.stack_file.write_text(json.dumps(fields))

    with pytest.raises(StackNotRunningError):
        stack.running(paths)


def test_down_removes_what_a_killed_start_left(paths: StackPaths) -> None:
    (paths.run / "tmp" / "worker").mkdir(parents=True)
    for file in (paths.stack_file, paths.users_file):
        file.write_text("{}")
    paths.out.mkdir()

    assert stack.down(paths) == 0
    assert [path.name for path in paths.root.iterdir()] == ["out"]
