"""From an event of API Gateway to the SDK's ASGI application and back, within one invocation."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import anyio
from aws_lambda_powertools.event_handler import Response
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from callboard.http import MAX_BODY_BYTES

type Message = MutableMapping[str, Any]
type Application = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Any]

VERSION_HEADER = "mcp-protocol-version"
JSON, STREAM = "application/json", "text/event-stream"
DATA = "data: "
# Of the connection, which is the gateway's, and what the gateway counts itself.
NOT_PASSED_ON = frozenset({"connection", "content-length", "content-type", "x-accel-buffering"})


def answer(server: Server[Any], event: dict[str, Any]) -> Response[str]:
    """Let a server answer the message of an event: as JSON, or all of a stream at once if more was said than that."""
    return asyncio.run(_answer(server, event))


async def _answer(server: Server[Any], event: dict[str, Any]) -> Response[str]:
    body = (event.get("body") or "").encode(errors="surrogatepass")
    headers = {name.lower(): value.strip() for name, value in (event.get("headers") or {}).items()}
    manager = StreamableHTTPSessionManager(
        server,
        stateless=True,
        # Of older revisions a client that takes JSON alone is served, too.
        json_response=_is_of_old(headers) and STREAM not in headers.get("accept", ""),
        max_request_body_size=MAX_BODY_BYTES,
    )
    async with manager.run():
        return await _exchange(manager.handle_request, headers, body)


def _is_of_old(headers: dict[str, str]) -> bool:
    return headers.get(VERSION_HEADER, HANDSHAKE_PROTOCOL_VERSIONS[0]) in HANDSHAKE_PROTOCOL_VERSIONS


async def _exchange(application: Application, headers: dict[str, str], body: bytes) -> Response[str]:
    """Pass one POST to an application and gather its answer."""
    scope: Message = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "https",
        "path": "/mcp",
        "raw_path": b"/mcp",
        "root_path": "",
        "query_string": b"",
        # Latin-1 is what a header is on the wire; what does not fit cannot have been one.
        "headers": [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()],
        "client": None,
        "server": None,
    }
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    start: Message = {}
    parts: list[bytes] = []

    async def receive() -> Message:
        if waiting:
            return waiting.pop()
        # The gateway does not tell when a client goes away.
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            parts.append(message.get("body", b""))

    await application(scope, receive, send)
    answered = {name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]}
    kind, text = _unless_alone(answered.get("content-type"), b"".join(parts).decode())
    return Response(
        status_code=start["status"],
        content_type=kind if text else None,
        body=text,
        headers={name: value for name, value in answered.items() if name not in NOT_PASSED_ON},
    )


def _unless_alone(kind: str | None, text: str) -> tuple[str | None, str]:
    """Make JSON of a stream that holds nothing but the answer, as the newest revision has it."""
    if kind is None or not kind.startswith(STREAM):
        return kind, text
    # Only these two end a line here: texts may hold others.
    lines = text.replace("\r\n", "\n").split("\n")
    messages = [line.removeprefix(DATA) for line in lines if line.startswith(DATA)]
    return (JSON, messages[0]) if len(messages) == 1 else (kind, text)
