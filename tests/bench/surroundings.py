"""What the cases run against: a PostgreSQL of their own and an AWS that costs nothing."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from bench import aws_endpoint
from callboard.database import connect
from callboard.observability import logger
from callboard_local import processes
from callboard_local.paths import PROJECT, StackPaths
from support.aws import CREDENTIALS, forget_clients
from support.postgres import cloned_database, running_server
from support.rows import insert_provider

PATHS = StackPaths(PROJECT / ".local" / "bench")
SETTINGS = {
    "ENVIRONMENT": "local",
    "STACK_NAME": "callboard-bench",
    "DATABASE_URL_SECRET": "callboard/database-url",
    "EVENT_BUS_NAME": "callboard",
    "ASSETS_BUCKET": "assets",
    "CONNECTIONS_TABLE": "connections",
    "DISCOVERY_NAMESPACE": "callboard-bench",
    "DEFAULT_PROVIDER": "replicate",
}


@contextmanager
def surroundings() -> Iterator[str]:
    """Run what the cases need until the end; yield the URL of a database with nothing in it but a provider."""
    with ExitStack() as until_end:
        until_end.enter_context(_logging_nowhere())
        url = until_end.enter_context(cloned_database(until_end.enter_context(running_server(PATHS))))
        with connect(url) as db:
            insert_provider(db)
        endpoint = _start_endpoint()
        queues = {f"{name}_QUEUE_URL": f"{endpoint}/1/{name.lower()}" for name in ("JOBS", "CHECKS", "AGENT")}
        until_end.enter_context(
            patch.dict(os.environ, CREDENTIALS | SETTINGS | queues | {"AWS_ENDPOINT_URL": endpoint})
        )
        forget_clients()
        until_end.callback(forget_clients)
        yield url


def _start_endpoint() -> str:
    """Start the endpoint as a process of the stack, which ends with it."""
    port = processes.free_port()
    script = Path(aws_endpoint.__file__)
    process = processes.start(PATHS, "aws-endpoint", [sys.executable, str(script), str(port)])
    processes.wait_until(PATHS, "aws-endpoint", process, lambda: processes.listens(port), 10)
    return f"http://127.0.0.1:{port}"


@contextmanager
def _logging_nowhere() -> Iterator[None]:
    """Let log lines and metrics be made and written as ever, but where nobody sees them."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), ExitStack() as until_end:
        for handler in logger.handlers:
            assert isinstance(handler, logging.StreamHandler)
            until_end.callback(handler.setStream, handler.stream)
            handler.setStream(nowhere)
        yield
