"""Signatures of what services send us: Standard Webhooks (https://www.standardwebhooks.com)."""

from collections.abc import Mapping

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from callboard.errors import UnauthenticatedError

HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


class InvalidSignatureError(UnauthenticatedError):
    """The signature is missing, wrong or older than five minutes."""

    code = "INVALID_SIGNATURE"


def require_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the three signature headers.

    Raises:
        InvalidSignatureError: One is missing.
    """
    found = {name: headers.get(name, "").strip() for name in HEADERS}
    if not all(found.values()):
        raise InvalidSignatureError
    return found


def verify(secret: str, body: bytes, headers: Mapping[str, str]) -> str:
    """Check the signature over the raw body, within five minutes of its making; return the webhook's id.

    Raises:
        InvalidSignatureError: It is not valid.
    """
    found = require_headers(headers)
    try:
        Webhook(secret).verify(body, found, json_parse=False)
    except (WebhookVerificationError, ValueError, OverflowError) as error:
        # The reference library lets plain errors escape from malformed signatures and timestamps.
        raise InvalidSignatureError from error
    return found["webhook-id"]
