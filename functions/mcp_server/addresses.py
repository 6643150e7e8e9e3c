"""Who may call from where, and what the server is called from outside."""

from typing import Any

from callboard.errors import ForbiddenError, UnauthenticatedError
from callboard.settings import get_settings

METADATA_PATH = "/.well-known/oauth-protected-resource"


class OriginRefusedError(ForbiddenError):
    """Pages of this origin may not call."""

    code = "ORIGIN_REFUSED"


def check_origin(origin: str | None) -> None:
    """Refuse a page that nobody allowed to call. Programs send no origin.

    Raises:
        OriginRefusedError: The origin is not one of the setting.
    """
    allowed = {name.strip() for name in get_settings().mcp_allowed_origins.split(",")} - {""}
    if origin is not None and origin not in allowed:
        raise OriginRefusedError


def resource(event: dict[str, Any]) -> str:
    """Return the server's URL, as the request came to it."""
    return _api_url(event) + "/mcp"


def challenge(event: dict[str, Any], error: UnauthenticatedError) -> str:
    """Tell a client where it learns who gives tokens, and whether the one that it has was the reason."""
    # RFC 6750: a request without a token is told of no error.
    reason = "" if type(error) is UnauthenticatedError else 'error="invalid_token", '
    return f'Bearer {reason}resource_metadata="{_api_url(event)}{METADATA_PATH}"'


def _api_url(event: dict[str, Any]) -> str:
    context = event["requestContext"]
    return get_settings().api_url_form.format(domain=context["domainName"], api=context["apiId"])
