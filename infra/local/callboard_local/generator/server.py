"""The HTTP server: uvicorn, its connections within the application's reach, on one or more addresses."""

import asyncio
import socket
from collections.abc import Sequence
from typing import Any, override

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

CONNECTION = "callboard.connection"
STOP_SECONDS = 2
BACKLOG = 1024


class ReachableProtocol(H11Protocol):
    """Hands the connection to the application as an ASGI extension, so that it can break it off."""

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        application = self.app

        async def with_connection(scope: Any, receive: Any, send: Any) -> None:
            scope.setdefault("extensions", {})[CONNECTION] = transport
            await application(scope, receive, send)

        self.app = with_connection


def bind(hosts: Sequence[str], port: int) -> list[socket.socket]:
    """Open listening sockets; port 0 takes a free one, the same on every host."""
    bound: list[socket.socket] = []
    try:
        for host in dict.fromkeys(hosts):
            # With the protocol named, asyncio turns Nagle's algorithm off; else every answer waits 40 ms.
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            bound.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(BACKLOG)
            port = listener.getsockname()[1]
    except OSError:
        for listener in bound:
            listener.close()
        raise
    return bound


def make_server(application: ASGIApp) -> uvicorn.Server:
    """Return a server to be run with the sockets of `bind`."""
    return uvicorn.Server(
        uvicorn.Config(
            application,
            http=ReachableProtocol,
            ws="none",
            loop="asyncio",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
    )
