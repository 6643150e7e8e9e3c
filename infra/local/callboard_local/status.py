"""What runs for a stack at the moment."""

from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil

from callboard_local import processes
from callboard_local.errors import StackError
from callboard_local.paths import StackPaths
from callboard_local.stack import Stack

HEALTHY = "healthy"

# A word of the command line -> what we call the process.
NAMES = {
    "callboard_local.generator": "generation service",
    "callboard_local.planner": "scripted planner",
    "callboard_local.forwarder": "forwarder",
    "callboard_local.emulator": "AWS emulator",
    "_worker.py": "function workers",
    "postgres": "PostgreSQL",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the stack and what it uses now."""

    name: str
    processes: int
    memory_bytes: int


def parts(paths: StackPaths) -> list[Part]:
    """Return the running parts, by name."""
    memory: dict[str, list[int]] = {}
    for process in processes.marked(paths):
        try:
            name, used = name_of(process.cmdline()), process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
        memory.setdefault(name, []).append(used)
    return [Part(name, len(used), sum(used)) for name, used in sorted(memory.items())]


def servers(stack: Stack) -> dict[str, str]:
    """Return the state of the servers that the functions ask: healthy, or what is wrong with one."""
    return {"generation": _listens(stack.generator_url), "model": _answers(stack)}


def _listens(url: str) -> str:
    port = urlsplit(url).port
    return HEALTHY if port is not None and processes.listens(port) else f"nothing listens at {url}"


def _answers(stack: Stack) -> str:
    try:
        stack.check_model()
    except StackError as error:
        return str(error)
    return HEALTHY


def name_of(command: list[str]) -> str:
    """Tell what a process is by its command line; unknown ones go by their program's name."""
    for argument in command:
        last = argument.rpartition("/")[2]
        if last in NAMES:
            return NAMES[last]
    return command[0].rpartition("/")[2] if command else "unknown"
