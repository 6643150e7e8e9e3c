"""Messages of MCP clients as API Gateway hands them to the function."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from support.lambdas import Answer, call_http

NEWEST = "2026-07-28"
OF_OLD = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": NEWEST,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
}
ACCEPT = "application/json, text/event-stream"
# What the header Mcp-Name repeats of the parameters.
NAMED_BY = {
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
    "tasks/get": "taskId",
    "tasks/update": "taskId",
    "tasks/cancel": "taskId",
}
# What a client that knows tasks says of itself in a request.
KNOWS_TASKS: dict[str, Any] = {
    "io.modelcontextprotocol/clientCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}},
}


@dataclass(frozen=True)
class Client:
    """Sends one message after another to a handler, as a client of a revision does."""

    handler: Callable[[dict[str, Any], Any], dict[str, Any]]
    token: str | None
    revision: str = NEWEST

    def send(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str | None] | None = None,
        meta: Mapping[str, Any] | None = None,
        **parts: Any,
    ) -> Answer:
        """Send a request; a header of None is left out."""
        given = dict(params or {})
        standard: dict[str, str | None] = {"accept": ACCEPT, "mcp-protocol-version": self.revision}
        if self.token is not None:
            standard["authorization"] = f"Bearer {self.token}"
        envelope: dict[str, Any] = dict(meta or {})
        if self.revision == NEWEST:
            standard["mcp-method"] = method
            if method in NAMED_BY:
                standard["mcp-name"] = str(given.get(NAMED_BY[method]))
            envelope = ENVELOPE | envelope
        if envelope:
            given["_meta"] = envelope
        body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": given}
        sent = {name: value for name, value in (standard | dict(headers or {})).items() if value is not None}
        return call_http(self.handler, "POST", "/mcp", **({"body": body, "headers": sent} | parts))

    def ask(self, method: str, params: Mapping[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
        """Send a request that must be answered with a result, and return it."""
        answer = self.send(method, params, **parts)
        assert answer.status == 200, answer.text
        assert answer.body["id"] == 7
        assert "error" not in answer.body, answer.text
        result: dict[str, Any] = answer.body["result"]
        return result

    def refused(self, method: str, params: Mapping[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
        """Send a request that must be answered with an error of the protocol, and return it."""
        error: dict[str, Any] = self.send(method, params, **parts).body["error"]
        return error

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool; return its result, good or bad."""
        return self.ask("tools/call", {"name": tool, "arguments": arguments})


def events(answer: Answer) -> list[dict[str, Any]]:
    """Return the messages of a stream."""
    assert answer.headers["Content-Type"].startswith("text/event-stream"), answer.headers
    return [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line.startswith("data: ")]
