"""Answers that are out of the ordinary: none at all, and outputs that nobody should accept."""

import asyncio
from collections.abc import AsyncIterator
from typing import override

from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from callboard_local.generator.errors import UnknownPredictionError
from callboard_local.generator.server import CONNECTION
from callboard_local.generator.simulation import Simulation

CHUNK_BYTES = 64 * 1024
SLOW_PIECES = 100
PNG = "image/png"


class NoAnswer(Response):
    """Closes the connection instead of answering."""

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"][CONNECTION].abort()
        # The server answers for an application that returns in silence, except when the client has gone.
        while (await receive())["type"] != "http.disconnect":
            pass


async def output_answer(simulation: Simulation, png: bytes) -> Response:
    """Answer the request for an output in the way the simulation says.

    Raises:
        UnknownPredictionError: The output is to be missing.
    """
    match simulation.output:
        case "normal":
            return Response(png, media_type=PNG, headers={"cache-control": "private, max-age=3600"})
        case "missing":
            raise UnknownPredictionError
        case "empty":
            return Response(b"", media_type=PNG)
        case "wrong_type":
            return HTMLResponse("<!doctype html><title>Not a picture</title><p>Not a picture.</p>")
        case "redirect":
            return RedirectResponse(str(simulation.redirect_to), status_code=302)
        case "huge":
            return StreamingResponse(_huge(png, simulation.output_bytes), media_type=PNG)
        case "slow":
            return StreamingResponse(_slow(png, simulation.output_seconds), media_type=PNG)


async def _huge(png: bytes, size: int) -> AsyncIterator[bytes]:
    yield png[:size]
    left = size - len(png)
    while left > 0:
        yield bytes(min(left, CHUNK_BYTES))
        left -= CHUNK_BYTES


async def _slow(png: bytes, seconds: float) -> AsyncIterator[bytes]:
    piece = -(-len(png) // SLOW_PIECES)
    for start in range(0, len(png), piece):
        yield png[start : start + piece]
        await asyncio.sleep(seconds / SLOW_PIECES)
