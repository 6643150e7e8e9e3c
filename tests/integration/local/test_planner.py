"""The scripted planner as a program, by itself and behind the emulator's Bedrock."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from callboard_local import ministack, processes, stack
from callboard_local.paths import StackPaths
from support.planner import PRODUCTION, opening, tools

MODEL = "anthropic.claude-3-haiku-20240307-v1:0"


@contextmanager
def program(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the planner on a free port; it is killed in the end."""
    running = subprocess.Popen(
        [sys.executable, "-m", "callboard_local.planner", "--port", "0", *arguments],
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert running.stdout is not None
        listening = json.loads(running.stdout.readline())
        yield running, f"http://127.0.0.1:{listening['port']}"
    finally:
        running.kill()
        running.communicate()


def test_program_serves_logs_outcomes_without_briefs_and_stops_on_sigterm() -> None:
    with program() as (running, url), httpx.Client(base_url=url, trust_env=False, timeout=10) as client:
        body = {"messages": [opening("A most secret cat.")], "tools": tools(PRODUCTION)}
        assert client.post("/v1/chat/completions", json=body).json()["choices"][0]["message"]["tool_calls"]

        running.send_signal(signal.SIGTERM)
        out, err = running.communicate(timeout=10)

    lines = [json.loads(line) for line in out.splitlines()]
    assert running.returncode == 0
    assert [line["action"] for line in lines] == ["answered", "stopped"]
    assert {line["service"] for line in lines} == {"planner"}
    assert lines[0]["calls"] == ["create_activity_with_cards", "wait_for_jobs"]
    assert "secret" not in out + err


def test_converse_of_the_emulator_is_answered_by_the_planner(tmp_path: Path) -> None:
    paths = StackPaths(tmp_path / ".local")
    (paths.run / "tmp").mkdir(parents=True)
    specs: Any = [{"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object"}}}} for name in PRODUCTION]
    messages: list[Any] = [{"role": "user", "content": [{"text": opening("A cat.\nplanner: ask=never")["content"]}]}]
    made = {"activity": {"id": "a", "cards": [{"id": "c", "title": "Cat"}]}, "jobs": [{"job_id": "j", "card_id": "c"}]}
    woken = {"woken_by": "jobs", "jobs": [{"job_id": "j", "card_id": "c", "status": "completed"}]}
    try:
        with program() as (_, url):
            bedrock = ministack.client("bedrock-runtime", ministack.start(paths, processes.free_port(), url, "planner"))
            ends, names, usage = [], [], 0
            turns: list[list[Any]] = [[made, woken], [{}], []]
            for results in turns:
                answer = bedrock.converse(modelId=MODEL, messages=messages, toolConfig={"tools": specs})
                message = answer["output"]["message"]
                uses = [block["toolUse"] for block in message["content"] if "toolUse" in block]
                ends.append(answer["stopReason"])
                names.append([use["name"] for use in uses])
                usage += answer["usage"]["inputTokens"]
                content = [
                    {"toolResult": {"toolUseId": use["toolUseId"], "content": [{"text": json.dumps(result)}]}}
                    for use, result in zip(uses, results, strict=True)
                ]
                messages += [message, {"role": "user", "content": content}]
    finally:
        processes.stop_all(paths)

    assert ends == ["tool_use", "tool_use", "end_turn"]
    assert names == [["create_activity_with_cards", "wait_for_jobs"], ["approve_asset"], []]
    assert messages[-2]["content"] == [{"text": "1 activity with 1 card, 1 picture approved."}]
    assert usage > 100


def test_only_a_planner_of_our_own_is_among_the_ports() -> None:
    fields: Any = dict.fromkeys(stack.Stack.__dataclass_fields__, "")

    own = stack.Stack(**fields | {"model_url": "http://127.0.0.1:7", "planner_port": 7})
    other = stack.Stack(**fields | {"model_url": "http://127.0.0.1:7", "planner_port": None})

    assert (own.ports(), other.ports()) == ([7], [])
