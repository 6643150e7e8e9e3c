"""What the routes of agents share: parameters, and the answers that they declare and give."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from aws_lambda_powertools.event_handler import Response

from callboard.http import responses

TAGS = ["Agents"]
PREFIX = "/agents"

_ACCESS = responses(HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND)
_BODY = responses(HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY)
_CONFLICT = responses(HTTPStatus.CONFLICT)
_NOT_YET = responses(HTTPStatus.GATEWAY_TIMEOUT)
_OK = responses(HTTPStatus.OK)
_EVENTS: dict[int, Any] = {
    200: {"description": "Server-sent events", "content": {"text/event-stream": {"schema": {"type": "string"}}}}
}

SEARCH = _OK | responses(HTTPStatus.UNAUTHORIZED) | _BODY
READ = _OK | _ACCESS
CHANGE = READ | _BODY
CREATE = CHANGE | _CONFLICT
WAIT = CREATE | _NOT_YET
JOIN = READ | _NOT_YET
STREAM = _EVENTS | _ACCESS | responses(HTTPStatus.UNPROCESSABLE_ENTITY)
BEGIN_STREAM = STREAM | _BODY | _CONFLICT
GONE = responses(HTTPStatus.NO_CONTENT) | _ACCESS
GONE_UNLESS = GONE | _CONFLICT
CHANGE_OR_GONE = GONE | _BODY


def run_headers(thread_id: UUID, run_id: UUID, follow: str | None = None) -> dict[str, str]:
    """Say where a run is, and where to go on following it.

    Paths as seen from the SDK's base URL, which holds our prefix already.
    """
    run = f"/threads/{thread_id}/runs/{run_id}"
    return {"Content-Location": run} | ({"Location": f"{run}/{follow}"} if follow else {})


def events(text: str, headers: dict[str, str]) -> Response[Any]:
    """Answer with a segment of a stream."""
    return Response(
        status_code=HTTPStatus.OK,
        content_type="text/event-stream",
        body=text,
        headers={"Cache-Control": "no-store", **headers},
    )
