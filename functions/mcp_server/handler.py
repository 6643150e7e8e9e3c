"""POST /mcp: tools, resources and prompts for agents elsewhere; and where they get their tokens."""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from callboard import access_tokens
from callboard.errors import MethodNotAllowedError, UnauthenticatedError
from callboard.http import Api, json_response
from callboard.settings import get_settings
from mcp_server import addresses

api = Api()


@api.post("/mcp", include_in_schema=False)
def answer_message() -> Response[Any]:
    addresses.check_origin(api.header("origin"))
    event = api.current_event.raw_event
    try:
        caller = access_tokens.caller_of(api.header("authorization"))
    except UnauthenticatedError as error:
        return api.refusal(error, {"WWW-Authenticate": addresses.challenge(event, error)})
    # The SDK takes half a second to load.
    from callboard.mcp.offers import BoardOffers  # noqa: PLC0415
    from callboard.mcp.server import build_server  # noqa: PLC0415
    from mcp_server import gateway  # noqa: PLC0415

    return gateway.answer(build_server(BoardOffers(caller)), event)


@api.route("/mcp", method=["GET", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"], include_in_schema=False)
def refuse_method() -> Response[str]:
    # There are no sessions to end, and no stream is held open.
    addresses.check_origin(api.header("origin"))
    return api.refusal(MethodNotAllowedError(), {"Allow": "POST"})


# As RFC 9728 has it, also with the path that it is about.
@api.get("/.well-known/oauth-protected-resource", include_in_schema=False)
@api.get("/.well-known/oauth-protected-resource/mcp", include_in_schema=False)
def describe_resource() -> Response[Any]:
    metadata = {
        "resource": addresses.resource(api.current_event.raw_event),
        "authorization_servers": [get_settings().require("oidc_issuer")],
        "bearer_methods_supported": ["header"],
        "resource_name": "Callboard",
    }
    return json_response(HTTPStatus.OK, metadata, {"Cache-Control": "public, max-age=3600"})


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one message of an MCP client.

    Trigger: the HTTP API, without its authorizer: the token is verified here. Effect: that of the tool that is called,
    stored with its events in one transaction and published after it. A raise leads to the gateway's 500; what was
    committed stays, and relay_events and sweep_jobs make up for what did not follow.
    """
    return api.serve(event, context)
