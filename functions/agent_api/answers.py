"""What the routes of agents share: parameters, and the answers that they declare and give."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from aws_lambda_powertools.event_handler import Response

from callboard.http import responses

TAGS = ["Agents"]
PREFIX = "/agents"

SEARCH = responses(HTTPStatus.OK, HTTPStatus.UNAUTHORIZED, HTTPStatus.UNPROCESSABLE_ENTITY)
READ = responses(HTTPStatus.OK, HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND)
CHANGE = READ | responses(HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY)
CREATE = CHANGE | responses(HTTPStatus.CONFLICT)
WAIT = CREATE | responses(HTTPStatus.GATEWAY_TIMEOUT)
JOIN = READ | responses(HTTPStatus.GATEWAY_TIMEOUT)
STREAM: dict[int, Any] = {
    200: {"description": "Server-sent events", "content": {"text/event-stream": {"schema": {"type": "string"}}}}
}
GONE = responses(HTTPStatus.NO_CONTENT, HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND)


def no_content() -> Response[None]:
    """Answer that it is done and that there is nothing to say."""
    return Response(status_code=HTTPStatus.NO_CONTENT)


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
