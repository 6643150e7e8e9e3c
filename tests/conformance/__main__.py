"""Run the inspector and the suite against a local stack; exit with 1 if something is not met that should be."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from callboard_local.paths import PROJECT, StackPaths
from callboard_local.stack import Stack
from conformance.deployment import deployed
from conformance.inspector import inspect
from conformance.proxy import running_proxy
from support.stack import running_stack, signed_in

PATHS = StackPaths(PROJECT / ".local" / "test-conformance")
SUITE = PROJECT / ".local" / "conformance" / "node_modules"
NODE = SUITE / ".bin" / "node"
INSPECTOR = SUITE / ".bin" / "mcp-inspector"
REVISIONS = ("2026-07-28", "2025-11-25")
# They are for no revision alone, and the requirements leave them unscored: each is run by itself.
EXTENSION = "tasks"
SCENARIOS = (
    "tasks-lifecycle",
    "tasks-capability-negotiation",
    "tasks-wire-fields",
    "tasks-request-state-removal",
    "tasks-mrtr-input",
    "tasks-request-headers",
    "tasks-dispatch-and-envelope",
    "tasks-status-notifications",
    "tasks-required-task-error",
    "tasks-mrtr-composition",
)
SECONDS = 240
# Lines that tell how a scenario ended, what is in the baseline, and how it ends in all.
TOLD = re.compile(r"[✓✗] |  ~ |Passed: |Total: |\x1b\[3\dm")


def main() -> int:
    """Have the inspector look at the product's function; run each revision and the extension against the suite's."""
    with running_stack(PATHS) as stack:
        token = stack.token(PATHS, "alice")
        card = asyncio.run(_card(stack, token))
        sys.stdout.write("== inspector\n")
        for claim in inspect([NODE, INSPECTOR], stack, token, card):
            sys.stdout.write(f"✓ {claim}\n")
        with serving(stack, token, card["id"]) as url:
            runs = [_run(url, revision, ["--requirements", revision]) for revision in REVISIONS]
            runs += [_run(url, EXTENSION, ["--scenario", scenario]) for scenario in SCENARIOS]
    return int(any(runs))


@contextmanager
def serving(stack: Stack, token: str, card_id: str) -> Iterator[str]:
    """Serve the suite's function to callers without tokens; yield its URL."""
    with running_proxy(token) as proxy, deployed(stack, proxy.origins, card_id) as url:
        proxy.target = url
        yield proxy.url


async def _card(stack: Stack, token: str) -> dict[str, Any]:
    async with signed_in(stack, token) as user:
        return await user.make_card("For the suite")


def _run(url: str, name: str, chosen: Sequence[str]) -> int:
    sys.stdout.write(f"== {' '.join(chosen)}\n")
    sys.stdout.flush()
    expected = Path(__file__).parent / f"expected-failures-{name}.yml"
    done = subprocess.run(
        [
            NODE,
            SUITE / "@modelcontextprotocol" / "conformance" / "dist" / "index.js",
            *("server", "--url", url, *chosen),
            *("--expected-failures", expected),
            *("--output-dir", SUITE.parent / "results" / name),
        ],
        timeout=SECONDS,
        check=False,
        capture_output=True,
        text=True,
    )
    sys.stdout.write(done.stdout + done.stderr if done.returncode else _summary(done.stdout))
    sys.stdout.flush()
    return done.returncode


def _summary(output: str) -> str:
    """Leave out what the suite says of each check."""
    return "".join(f"{line}\n" for line in output.split("\n") if TOLD.match(line))


if __name__ == "__main__":
    sys.exit(main())
