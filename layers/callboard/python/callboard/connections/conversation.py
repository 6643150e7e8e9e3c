"""What is answered to a message of a client."""

import json
from collections.abc import Iterator
from typing import Any, assert_never

from pydantic import ValidationError

from callboard.connections import recovery, repository, service
from callboard.connections.errors import ConnectionUnknownError, InvalidMessageError, MessageTooLargeError
from callboard.connections.models import MAX_MESSAGE_BYTES, REQUEST, Ping, Request, Subscribe, Unsubscribe
from callboard.database import session
from callboard.errors import ServiceError
from callboard.observability import logger


def answers(connection_id: str, body: str) -> Iterator[dict[str, Any]]:
    """Carry out a message and yield what is to be posted back, in order; errors are answers too."""
    message_id = None
    try:
        request = _parse(body)
        message_id = request.id
        yield from _carry_out(connection_id, request)
    except ServiceError as error:
        if error.retryable:
            logger.exception("not served", action="message_not_served", code=error.code)
        else:
            logger.info("refused", action="message_refused", code=error.code)
        yield {"type": "error", "id": message_id or _id_in(body), "error": error.as_dict()}


def _parse(body: str) -> Request:
    if len(body.encode(errors="replace")) > MAX_MESSAGE_BYTES:
        raise MessageTooLargeError
    try:
        return REQUEST.validate_json(body)
    except (ValidationError, ValueError) as error:
        raise InvalidMessageError(details={"faults": _faults(error)}) from error


def _faults(error: ValueError) -> list[dict[str, str]]:
    if not isinstance(error, ValidationError):
        return []
    # Fields and messages repeat parts of what was sent, which must not make the answer larger than it was.
    return [
        {"field": ".".join(str(part) for part in fault["loc"])[:100], "message": fault["msg"][:200]}
        for fault in error.errors(include_url=False, include_input=False, include_context=False)[:10]
    ]


def _id_in(body: str) -> str | None:
    """Find the id of a message that is otherwise wrong, so that its sender can tell which one it was."""
    if len(body) > MAX_MESSAGE_BYTES:
        return None
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return None
    found = message.get("id") if isinstance(message, dict) else None
    return found if isinstance(found, str) and len(found) <= 64 else None


def _carry_out(connection_id: str, request: Request) -> Iterator[dict[str, Any]]:
    connection = repository.get_connection(connection_id)
    if connection is None:
        raise ConnectionUnknownError
    match request:
        case Ping():
            yield service.answer_to_ping(connection)
        case Unsubscribe():
            repository.delete_subscription(connection_id, request.context_id)
            yield {"type": "unsubscribed", "id": request.id, "context_id": str(request.context_id)}
        case Subscribe():
            with session() as db:
                # All is read before anything is posted: the connection to the database is not held by a slow client.
                found = recovery.subscribe(db, connection, request)
            yield from found
        case _:
            assert_never(request)
