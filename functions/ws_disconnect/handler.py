"""$disconnect: forgets a WebSocket connection."""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from callboard.connections import service
from callboard.observability import correlated, logger


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Forget a connection and all it follows.

    Trigger: $disconnect of the WebSocket API, which is not certain to come. Effect: the connection's items are deleted.
    A raise changes nothing for the client; the items go at the next post, which finds the connection gone, or expire.
    """
    request = event["requestContext"]
    with correlated(request.get("requestId") or context.aws_request_id):
        known = service.disconnect(request["connectionId"])
        logger.info("disconnected", action="connection_closed", connection_id=request["connectionId"], known=known)
        return {"statusCode": int(HTTPStatus.OK)}
