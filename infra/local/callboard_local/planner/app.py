"""The routes: chat completions and the list of models, as OpenAI has them."""

import asyncio
import json
from typing import Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from callboard_local.planner.assistants import BreakdownError, answer
from callboard_local.planner.chat import MODEL, ChatRequest, completion
from callboard_local.planner.directives import DirectiveError
from callboard_local.planner.log import outcome


async def create_completion(request: Request) -> Response:
    """POST /v1/chat/completions."""
    try:
        raw = json.loads(await request.body())
        # Lone surrogates pass the reader, but could not be sent back.
        asked = ChatRequest.model_validate(json.loads(json.dumps(raw, ensure_ascii=False).encode("utf-8", "replace")))
    except ValidationError as error:
        fields = [".".join(str(part) for part in each["loc"]) + f": {each['msg']}" for each in error.errors()]
        return _refusal(400, "; ".join(fields))
    except (ValueError, RecursionError):
        return _refusal(400, "The body is not JSON.")
    if asked.stream:
        return _refusal(400, "stream: answers are given whole.")
    try:
        answered, seconds = answer(asked)
    except BreakdownError:
        outcome("broke_down", messages=len(asked.messages))
        return _refusal(500, "The brief asked for this.")
    except DirectiveError as error:
        outcome("refused", reason=str(error))
        return _refusal(400, str(error))
    await asyncio.sleep(seconds)
    outcome("answered", messages=len(asked.messages), calls=[call.name for call in answered.calls])
    return JSONResponse(completion(asked, answered))


async def list_models(_: Request) -> Response:
    """GET /v1/models."""
    model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "callboard"}
    return JSONResponse({"object": "list", "data": [model]})


def make_app() -> Starlette:
    """Return the application."""
    return Starlette(
        routes=[
            Route("/v1/chat/completions", create_completion, methods=["POST"]),
            Route("/v1/models", list_models, methods=["GET"]),
        ],
        exception_handlers={404: _plain_refusal, 405: _plain_refusal},
    )


async def _plain_refusal(_: Request, error: Exception) -> Response:
    return _refusal(getattr(error, "status_code", 500), str(getattr(error, "detail", "")))


def _refusal(status: int, message: str) -> Response:
    kind = "invalid_request_error" if status < 500 else "server_error"
    error: dict[str, Any] = {"message": message, "type": kind, "param": None, "code": None}
    return JSONResponse({"error": error}, status_code=status)
