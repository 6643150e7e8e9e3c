"""The service as a program: one line an outcome, a clean end."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from support.generator import SECRET, TOKEN, Api

MODULE = [sys.executable, "-m", "callboard_local.generator"]


@contextmanager
def program(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "GENERATOR_TOKEN": TOKEN, "GENERATOR_WEBHOOK_SECRET": SECRET, "GENERATOR_SPEED": "10"}
    running = subprocess.Popen(
        [*MODULE, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def test_program_serves_logs_outcomes_without_prompts_and_stops_on_sigterm() -> None:
    with program("--port", "0", "--host", "127.0.0.1", "--host", "127.0.0.2") as running:
        assert running.stdout is not None
        listening = json.loads(running.stdout.readline())
        base_url = f"http://127.0.0.1:{listening['port']}"
        with httpx.Client(
            base_url=base_url, headers={"authorization": f"Bearer {TOKEN}"}, trust_env=False, timeout=10
        ) as client:
            prediction = Api(client).created(
                input={"prompt": "A most secret prompt"}, headers={"prefer": "wait", "x-correlation-id": "c-1"}
            )
            assert client.get(prediction["output"][0]).content.startswith(b"\x89PNG")
            assert client.get(f"http://127.0.0.2:{listening['port']}/healthz").status_code == 200
            Api(client).created(simulate={"duration": 600})

        running.send_signal(signal.SIGTERM)
        out, err = running.communicate(timeout=10)

    assert running.returncode == 0
    lines = [json.loads(line) for line in out.splitlines()]
    assert lines[-1]["action"] == "stopped"
    [ended] = [line for line in lines if line["action"] == "prediction_succeeded"]
    assert (ended["id"], ended["correlation_id"]) == (prediction["id"], "c-1")
    assert "secret" not in out + err
    assert TOKEN not in out + err


def test_program_taken_port_ends_with_a_readable_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with program("--port", str(taken.getsockname()[1])) as running:
            _, err = running.communicate(timeout=10)

    assert running.returncode == 1
    assert err.startswith("Cannot listen on 127.0.0.1 port")
    assert "Traceback" not in err
