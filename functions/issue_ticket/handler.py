"""POST /api/connections/ticket: issues tickets for WebSocket connections."""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from callboard.connections import service
from callboard.connections.models import Ticket
from callboard.http import Api, responses

api = Api()


@api.post(
    "/api/connections/ticket",
    summary="Get a ticket for a WebSocket connection",
    tags=["Realtime"],
    responses=responses(HTTPStatus.OK, HTTPStatus.UNAUTHORIZED),
)
def issue_ticket() -> Ticket:
    return service.issue_ticket(api.caller)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Issue a ticket that opens one connection within a minute.

    Trigger: the HTTP API. Effect: the ticket's digest is kept. A raise leads to the gateway's 500; clients ask again.
    """
    return api.serve(event, context)
