"""$default: serves what clients say on a WebSocket connection."""

import base64
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from callboard.connections import service
from callboard.connections.conversation import answers
from callboard.observability import correlated, logger


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Subscribe, unsubscribe or answer a ping; whatever is wrong with a message is told to its sender.

    Trigger: $default of the WebSocket API. Effect: subscriptions change, and answers are posted to the connection. A
    raise makes the gateway tell the client of an internal error; it may send the message again.
    """
    request = event["requestContext"]
    connection_id: str = request["connectionId"]
    with correlated(request.get("requestId") or context.aws_request_id):
        posted = 0
        for message in answers(connection_id, _text_of(event)):
            if service.post(connection_id, message) != "delivered":
                break
            posted += 1
        logger.info("answered", action="message_answered", connection_id=connection_id, messages=posted)
        return {"statusCode": int(HTTPStatus.OK)}


def _text_of(event: dict[str, Any]) -> str:
    body: str = event.get("body") or ""
    # Binary messages come like this; what is no text is no message either, and told so.
    return base64.b64decode(body).decode(errors="replace") if event.get("isBase64Encoded") else body
