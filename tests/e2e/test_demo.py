"""The command line and its demo, as a person runs them."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from callboard_local import processes
from callboard_local import stack as local_stack
from callboard_local.paths import PROJECT, StackPaths

# The command line's own stack would be the one of this checkout, which a person may be using.
PATHS = StackPaths(PROJECT / ".local" / "test-demo")
BRIEF = """# Short
## Shots
- One (2 candidates): A lamp at night
- Two: A boat at dawn
"""
DEMO = """
import sys
from pathlib import Path
from rich.console import Console
from callboard_local.demo.run import run
from callboard_local.errors import StackError
from callboard_local.paths import StackPaths
try:
    run(StackPaths(Path(sys.argv[1])), Console(), Path(sys.argv[2]), ask="--ask" in sys.argv)
except StackError as error:
    sys.exit(f"{error}")
"""


@pytest.fixture(scope="module")
def paths() -> Iterator[StackPaths]:
    local_stack.down(PATHS)
    try:
        local_stack.up(PATHS, lambda step: None)
        yield PATHS
    finally:
        local_stack.down(PATHS)


def start_demo(paths: StackPaths, brief: Path, *options: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", DEMO, str(paths.root), str(brief), *options],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_agent_plans_sleeps_asks_and_leaves_pictures_a_contact_sheet_and_a_report(
    paths: StackPaths, tmp_path: Path
) -> None:
    brief = tmp_path / "short.md"
    brief.write_text(BRIEF)

    demo = start_demo(paths, brief)
    output, _ = demo.communicate(timeout=90)

    assert demo.returncode == 0, output
    lines = [re.sub(r"^ *[0-9.]+ s +", "", line) for line in output.splitlines()]
    assert [re.sub(r"[0-9.]+ s$", "... s", line) for line in lines if re.match(r"agent|plan|demo", line)] == [
        "agent   plans",
        "agent   says: 1 activity with 2 cards. Ordering what is missing.",
        "plan    Shots: One (2), Two",
        "agent   sleeps for 3 jobs",
        "agent   woken after ... s",
        "agent   asks: Which picture is right for \u201cOne\u201d (Shots)? There are 2 candidates.",
        "demo    answered: picture 2 of 2 (the demo chooses the second; --ask asks you)",
        "agent   goes on",
        "agent   done: 1 activity with 2 cards, 2 pictures approved.",
    ]
    assert "\x1b" not in output
    pictures = sorted(path.name for path in paths.out.glob("0*.png"))
    assert pictures == ["01-one.png", "02-two.png"]
    assert len({(paths.out / name).read_bytes() for name in pictures}) == 2
    assert (paths.out / "contact-sheet.png").read_bytes().startswith(b"\x89PNG")
    report = json.loads((paths.out / "report.json").read_text())
    assert [card["title"] for card in report["cards"]] == ["One", "Two"]
    assert [card["picture"] for card in report["cards"]] == pictures
    assert report["plan"] == [
        {"title": "Shots", "cards": [{"title": "One", "candidates": 2}, {"title": "Two", "candidates": 1}]}
    ]
    assert len(report["run_ids"]) == 2
    assert report["thread_id"]
    assert [wait["jobs"] for wait in report["waits"]] == [3]
    assert report["waits"][0]["seconds"] > 0
    [talk] = report["questions"]
    assert talk["answer"] == {"approved": True, "choice": talk["choices"][1], "comment": None}
    assert report["cards"][0]["approved_job_id"] == talk["choices"][1]
    assert report["agent_words"][-1] == "1 activity with 2 cards, 2 pictures approved."
    assert report["model_usage"]["calls"] == 4
    assert report["model_usage"]["input_tokens"] > 0
    assert set(report["timings_seconds"]) == {"plan", "queue wait", "generation", "notify", "wake"}


def test_person_who_is_asked_turns_down_and_chooses_in_the_terminal(paths: StackPaths, tmp_path: Path) -> None:
    brief = tmp_path / "short.yaml"
    cards = "[{title: One, prompt: A lamp, candidates: 2}]"
    brief.write_text(f"title: Short\nactivities:\n  - title: Shots\n    cards: {cards}\n")
    terminal, stdin = pty.openpty()

    demo = start_demo(paths, brief, "--ask", stdin=stdin)
    os.write(terminal, b"9\ndarker, please\n1\n")
    output, _ = demo.communicate(timeout=90)
    os.close(terminal)
    os.close(stdin)

    assert demo.returncode == 0, output
    report = json.loads((paths.out / "report.json").read_text())
    first, second = report["questions"]
    assert first["answer"] == {"approved": False, "choice": None, "comment": "darker, please"}
    assert second["answer"]["choice"] == second["choices"][0]
    assert second["choices"][1:] == first["choices"]
    assert report["cards"][0]["approved_job_id"] == second["choices"][0]
    assert f"1  {paths.out}/candidates/1.png" in output
    assert (paths.out / "candidates" / "3.png").exists()


@pytest.mark.parametrize(
    ("directive", "problem"),
    [
        ("endless", "The agent's run ended with error: TURN_LIMIT: The agent took too many turns"),
        (
            'simulate={"outcome": "refuse"}',
            "2 of 2 cards got no picture. One: The request was flagged .*; Two: The req",
        ),
    ],
)
def test_agent_that_does_not_get_there_ends_the_demo_with_the_reason(
    paths: StackPaths, tmp_path: Path, directive: str, problem: str
) -> None:
    brief = tmp_path / "hopeless.md"
    brief.write_text(BRIEF.replace("## Shots", f"planner: {directive}\n## Shots"))

    demo = start_demo(paths, brief)
    output, _ = demo.communicate(timeout=90)

    assert demo.returncode == 1, output
    assert re.search(problem, output), output
    assert "Traceback" not in output
    assert list(paths.out.glob("*")) == []


def test_a_stack_killed_in_the_middle_ends_the_demo_with_a_reason(paths: StackPaths, tmp_path: Path) -> None:
    brief = tmp_path / "long.md"
    brief.write_text(BRIEF.replace("## Shots", 'planner: simulate={"start_delay": 60}\n## Shots'))

    demo = start_demo(paths, brief)
    assert demo.stdout is not None
    for line in demo.stdout:
        if "sleeps" in line:
            break
    stopped = local_stack.down(paths)
    output, _ = demo.communicate(timeout=50)

    assert stopped
    assert demo.returncode == 1, output
    assert "The stack does not answer any more" in output
    assert "Traceback" not in output


def test_down_leaves_nothing_even_after_the_starter_was_killed(tmp_path: Path) -> None:
    paths = StackPaths(PROJECT / ".local" / "test-killed")
    code = (
        "import sys; from pathlib import Path; from callboard_local import stack; "
        "from callboard_local.paths import StackPaths; "
        "stack.up(StackPaths(Path(sys.argv[1])), lambda step: print(step, flush=True))"
    )
    starter = subprocess.Popen([sys.executable, "-c", code, str(paths.root)], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    for line in starter.stdout:
        if "deploying" in line:
            break
    os.kill(starter.pid, signal.SIGKILL)
    starter.wait()
    starter.stdout.close()

    assert local_stack.down(paths) > 0

    assert processes.marked(paths) == []
    assert not paths.run.exists()
