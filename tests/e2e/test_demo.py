"""The command line and its demo, as a person runs them."""

import json
import os
import re
import signal
import subprocess
import sys
import time
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
    run(StackPaths(Path(sys.argv[1])), Console(), Path(sys.argv[2]))
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


def start_demo(paths: StackPaths, brief: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", DEMO, str(paths.root), str(brief)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_production_leaves_pictures_a_contact_sheet_and_a_report(paths: StackPaths, tmp_path: Path) -> None:
    brief = tmp_path / "short.md"
    brief.write_text(BRIEF)

    demo = start_demo(paths, brief)
    output, _ = demo.communicate(timeout=90)

    assert demo.returncode == 0, output
    pictures = sorted(path.name for path in paths.out.glob("0*.png"))
    assert pictures == ["01-one.png", "02-two.png"]
    assert len({(paths.out / name).read_bytes() for name in pictures}) == 2
    assert (paths.out / "contact-sheet.png").read_bytes().startswith(b"\x89PNG")
    report = json.loads((paths.out / "report.json").read_text())
    assert [card["title"] for card in report["cards"]] == ["One", "Two"]
    assert all(card["approved_job_id"] for card in report["cards"])
    assert set(report["timings_seconds"]) == {"accept", "queue wait", "generation", "notify"}


def test_a_stack_killed_in_the_middle_ends_the_demo_with_a_reason(paths: StackPaths, tmp_path: Path) -> None:
    brief = tmp_path / "long.md"
    cards = "\n".join(f"- Card {number} (2 candidates): A sea at night {number}" for number in range(20))
    brief.write_text(f"# Long\n## Shots\n{cards}\n")

    demo = start_demo(paths, brief)
    time.sleep(2.5)
    stopped = local_stack.down(paths)
    output, _ = demo.communicate(timeout=90)

    assert stopped
    assert demo.returncode == 1, output
    assert re.search(r"does not answer|No news|is not running|The stack failed", output), output
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
