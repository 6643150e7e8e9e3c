"""Processes of a stack: started in sessions of their own, found again by a mark in their environment."""

import contextlib
import os
import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

import psutil

from callboard_local.errors import StackError
from callboard_local.paths import StackPaths

# Children inherit it, Lambda workers too: so nothing can outlive `down`, whoever was killed before.
MARK = "CALLBOARD_STACK"
STOP_SECONDS = 5.0

# Python warns when the handle of a running process is dropped, but outliving us is what these are for.
_started: list[subprocess.Popen[bytes]] = []


class User(TypedDict, total=False):
    """Whom a process runs as; empty for ourselves."""

    user: int
    group: int
    extra_groups: list[int]


def free_port() -> int:
    """Return a port that nobody listens on at the moment, below those that Linux gives to outgoing connections."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe, contextlib.suppress(OSError):
            port = random.randrange(20_000, 32_768)
            probe.bind(("127.0.0.1", port))
            return port


def environment(paths: StackPaths, extra: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a stack's process: ours without foreign settings, with the mark.

    Python's settings are among those left out: one that forbids bytecode would make each worker compile its imports.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "UV_", "PYTHON", "CALLBOARD_")) and not name.lower().endswith("_proxy")
    }
    return inherited | {
        MARK: str(paths.root),
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(paths.run / "tmp"),
        **extra,
    }


def start(
    paths: StackPaths,
    name: str,
    command: Sequence[str],
    extra: Mapping[str, str] | None = None,
    user: User | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process that outlives us, as another user if given; its output goes to a log file of its name."""
    paths.logs.mkdir(parents=True, exist_ok=True)
    with (paths.logs / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            list(command),
            env=environment(paths, extra or {}),
            cwd=paths.run,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **(user or {}),
        )
    _started.append(process)
    return process


def wait_until(
    paths: StackPaths, name: str, process: subprocess.Popen[bytes], ready: Callable[[], bool], seconds: float
) -> None:
    """Wait until a started process is ready.

    Raises:
        StackError: It died or took too long; the message holds the end of its log.
    """
    give_up_at = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None:
            raise StackError(f"{name} ended at once with code {process.returncode}.\n{tail(paths, name)}")
        if time.monotonic() > give_up_at:
            raise StackError(f"{name} was not ready after {seconds:.0f} seconds.\n{tail(paths, name)}")
        time.sleep(0.05)


def listens(port: int, address: str = "127.0.0.1") -> bool:
    """Return whether somebody accepts connections on this port."""
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False


def tail(paths: StackPaths, name: str, lines: int = 15) -> str:
    """Return the end of a process's log."""
    log: Path = paths.logs / f"{name}.log"
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def marked(paths: StackPaths) -> list[psutil.Process]:
    """Find all processes of this stack, by their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(paths.root) and process.pid != os.getpid():
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            continue
    return found


def stop_all(paths: StackPaths) -> int:
    """Stop all processes of this stack: asked first, then killed; return how many there were."""
    stopped: set[int] = set()
    # Twice, because a dying emulator may have started one more worker in between.
    for _ in range(3):
        processes = marked(paths)
        if not processes:
            break
        stopped |= {process.pid for process in processes}
        _signal(processes, psutil.Process.terminate)
        _, alive = psutil.wait_procs(processes, timeout=STOP_SECONDS)
        _signal(alive, psutil.Process.kill)
        psutil.wait_procs(alive, timeout=STOP_SECONDS)
    _started[:] = [process for process in _started if process.poll() is None]
    return len(stopped)


def _signal(processes: Iterable[psutil.Process], send: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        try:
            send(process)
        except psutil.NoSuchProcess:
            continue
