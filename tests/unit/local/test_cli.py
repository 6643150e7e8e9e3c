import sys
from pathlib import Path

import pytest

from callboard_local import cli
from callboard_local.paths import StackPaths

ID = "0198f2a0-0000-7000-8000-000000000001"


@pytest.fixture(autouse=True)
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackPaths:
    paths = StackPaths(tmp_path / ".local")
    monkeypatch.setattr(cli, "default_paths", lambda: paths)
    return paths


def _run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["callboard", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["token"],
        ["jobs"],
        ["tail", ID],
        ["explain", ID],
        ["redrive", "jobs"],
        ["logs", "create_job"],
        ["machine", "add", "robot", "--tenant", "alice"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_command_without_a_running_stack_says_so_and_fails(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = _run(monkeypatch, *arguments)

    shown = capsys.readouterr()
    assert code == 1
    assert shown.out == ""
    assert shown.err == "callboard: The local stack is not running. Start it with `make up`.\n"


def test_command_whose_stack_was_killed_says_so_and_fails(
    paths: StackPaths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    paths.root.mkdir()
    paths.stack_file.write_text('{"http": "http://127.0.0.1:1"}')

    assert _run(monkeypatch, "token") == 1
    assert "not running" in capsys.readouterr().err


def test_help_names_all_commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(monkeypatch, "--help") == 0

    shown = capsys.readouterr().out
    commands = ["up", "down", "status", "token", "jobs", "tail", "explain", "redrive", "logs", "demo", "machine"]
    assert [command for command in commands if f" {command} " not in shown] == []
