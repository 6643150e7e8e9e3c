"""$connect: opens a WebSocket connection for a ticket."""

import json
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from callboard.connections import service
from callboard.errors import ServiceError
from callboard.observability import correlated, logger


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Open a connection if the request carries a ticket that is good, and refuse any other.

    Trigger: $connect of the WebSocket API. Effect: the ticket is used up and the connection registered. Whatever is not
    200 refuses the connection, a raise too; the client asks for another ticket.
    """
    request = event["requestContext"]
    ticket = (event.get("queryStringParameters") or {}).get("ticket") or ""
    with correlated(request.get("requestId") or context.aws_request_id):
        try:
            service.connect(ticket, request["connectionId"])
        except ServiceError as error:
            if error.retryable:
                logger.exception("not served", action="connection_not_served", code=error.code)
            else:
                logger.info("refused", action="connection_refused", code=error.code)
            body = {"error": error.as_dict() | {"request_id": request.get("requestId")}}
            return {"statusCode": int(HTTPStatus.FORBIDDEN), "body": json.dumps(body)}
        logger.info("connected", action="connection_opened", connection_id=request["connectionId"])
        return {"statusCode": int(HTTPStatus.OK)}
