"""Lambda's runtime as a function sees it: AWS's own client, asking a runtime API that has one event for it.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution
from pathlib import Path
from queue import Empty, Queue
from typing import Any
from uuid import uuid4

VERSION = "/2018-06-01/runtime"
# What the base image holds beside Python.
RUNTIME = ("awslambdaric", "simplejson", "snapshot-restore-py")


class RuntimeApi(ThreadingHTTPServer):
    """Hands out one event, and keeps what became of it."""

    daemon_threads = True

    def __init__(self, event: Any) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.events: Queue[bytes] = Queue()
        self.events.put(json.dumps(event).encode())
        self.outcomes: Queue[tuple[str, Any]] = Queue()


class _Handler(BaseHTTPRequestHandler):
    server: RuntimeApi

    def do_GET(self) -> None:
        try:
            event = self.server.events.get(timeout=60)
        except Empty:
            return
        self.send_response(200)
        for name, value in {
            "Lambda-Runtime-Aws-Request-Id": str(uuid4()),
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + 60) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:000000000000:function:artefact",
            "Content-Type": "application/json",
            "Content-Length": str(len(event)),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(event)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kind = self.path.rpartition("/")[2]
        self.server.outcomes.put((kind, json.loads(body) if body else None))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


def install_runtime(folder: Path) -> None:
    """Copy AWS's runtime client out of the tests' environment, and nothing else of that."""
    for name in RUNTIME:
        installed = distribution(name)
        for file in installed.files or ():
            if file.parts[0] != "..":
                target = folder / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(str(file.locate()), target)


@contextmanager
def _served(event: Any) -> Iterator[RuntimeApi]:
    with RuntimeApi(event) as api:
        thread = threading.Thread(target=api.serve_forever, daemon=True)
        thread.start()
        try:
            yield api
        finally:
            api.shutdown()
            thread.join()


def invoke(
    handler: str, code: Path, path: Sequence[Path], environment: Mapping[str, str], event: Any, seconds: float = 60
) -> tuple[str, Any]:
    """Start a function from its artefacts and let it have one event; return `response` or `error`, and what it said."""
    with _served(event) as api:
        process = subprocess.Popen(
            [getattr(sys, "_base_executable", sys.executable), "-s", "-m", "awslambdaric", handler],
            cwd=code,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join(map(str, path)),
                "LAMBDA_TASK_ROOT": str(code),
                "_HANDLER": handler,
                "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}",
                "AWS_LAMBDA_FUNCTION_NAME": handler.partition(".")[0],
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            return api.outcomes.get(timeout=seconds)
        except Empty:
            process.kill()
            said = process.communicate()[0].decode(errors="replace")
            raise AssertionError(f"{handler} said nothing in {seconds} s: {said[-2000:]}") from None
        finally:
            process.kill()
            process.communicate()
