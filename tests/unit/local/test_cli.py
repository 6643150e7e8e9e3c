import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from callboard.events.models import JobStatus
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


def _answering(monkeypatch: pytest.MonkeyPatch, body: Any) -> None:
    """Let a stack run whose API answers this."""
    monkeypatch.setattr(cli, "_get", lambda *_, **__: body)


@pytest.mark.parametrize("columns", ["20", "80"])
def test_jobs_are_listed_with_nothing_cut_however_narrow_it_is(
    columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = {"job_id": ID, "status": "failed", "provider": "replicate", "attempt": 2, "error_code": "content_policy"}
    _answering(monkeypatch, {"items": [job | {"created_at": "2026-11-25T13:36:23Z"}]})
    monkeypatch.setenv("COLUMNS", columns)

    assert _run(monkeypatch, "jobs") == 0

    _, line = capsys.readouterr().out.splitlines()
    assert line.split() == [ID, "failed", "replicate", "2", "13:36:23", "content_policy"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["jobs", "--status", "foo"], ["--status", "queued", "processing", "completed", "failed", "cancelled"]),
        (["jobs", "--project", "nope"], ["--project", "UUID"]),
        (["tail", "nope"], ["CARD", "UUID"]),
        (["explain", "nope"], ["JOB", "UUID"]),
    ],
)
def test_what_cannot_be_is_refused_by_the_name_of_the_option_or_argument(
    arguments: list[str], named: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, *arguments) == 2

    shown = capsys.readouterr().err
    assert [name for name in named if name not in shown] == []


def test_jobs_may_be_asked_for_by_any_status_that_a_job_has() -> None:
    assert get_args(cli.JobStatus.__value__) == get_args(JobStatus.__value__)


def test_redrive_names_all_queues_with_dead_letters(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, "redrive", "--help") == 0

    assert "jobs, checks, notify, wake, agents" in capsys.readouterr().out
