"""What routes of the board share: a parameter, and the answers that they declare and give."""

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel, Field

from callboard.http import json_response, responses

Offset = Annotated[int, Field(ge=0, lt=2**63, description="What the caller has seen: only what follows is told.")]

READ = responses(HTTPStatus.OK, HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND)
LIST = READ | responses(HTTPStatus.UNPROCESSABLE_ENTITY)
LIST_OF_ALL = responses(HTTPStatus.OK, HTTPStatus.UNAUTHORIZED, HTTPStatus.UNPROCESSABLE_ENTITY)
BODY_REFUSED = responses(
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)
CREATE_FIRST = responses(HTTPStatus.CREATED) | BODY_REFUSED
CREATE = CREATE_FIRST | responses(HTTPStatus.NOT_FOUND)
UPDATE = responses(HTTPStatus.OK, HTTPStatus.NOT_FOUND) | BODY_REFUSED
DELETE = responses(HTTPStatus.NO_CONTENT, HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
APPROVE = CREATE | responses(HTTPStatus.OK, HTTPStatus.CONFLICT)


def created(body: BaseModel, location: str) -> Response[Any]:
    """Answer that something was created, and where it is now."""
    return json_response(HTTPStatus.CREATED, body, {"Location": location})
