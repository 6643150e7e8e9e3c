"""Verifying access tokens where no gateway does it: a function behind a route without an authorizer.

What counts is what an HTTP API's JWT authorizer asks for, so that a token is good on both or on neither:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
"""

import json
import time
from collections.abc import Mapping
from typing import Any, ClassVar

import urllib3

from callboard.errors import ServiceUnavailableError, UnauthenticatedError
from callboard.identity import Caller, caller_from_claims
from callboard.observability import logger
from callboard.settings import get_settings

ALGORITHMS = ["RS256", "RS384", "RS512"]
# The issuer's clock and ours.
LEEWAY_SECONDS = 5
# Issuers announce new keys days before they sign with them.
MAX_AGE_SECONDS = 3600.0
# A token may name any key: asking after each unknown one would let anybody send the issuer our requests.
MIN_AGE_SECONDS = 60.0
ISSUER_SECONDS = 3.0
MAX_DOCUMENT_BYTES = 256 * 1024


class InvalidTokenError(UnauthenticatedError):
    """The access token is not valid, or not any more."""

    code = "INVALID_TOKEN"


class IssuerUnavailableError(ServiceUnavailableError):
    """The issuer of access tokens does not answer."""

    code = "ISSUER_UNAVAILABLE"


class _Environment:
    """What an execution environment remembers: the issuer's keys by their ids, and when it asked for them."""

    keys: ClassVar[dict[str, Any]] = {}
    asked_at: ClassVar[float | None] = None


def caller_of(authorization: str | None) -> Caller:
    """Make the caller from the value of an Authorization header.

    Raises:
        UnauthenticatedError: It holds no bearer token.
        InvalidTokenError: The token is malformed, expired, of another issuer or audience, or signed by nobody we know.
        WrongTokenError: It is an id token.
        TenantAmbiguousError: It names two tenants.
        IssuerUnavailableError: Whether it is valid cannot be said.
    """
    scheme, _, token = (authorization or "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthenticatedError
    return caller_from_claims(_verified(token.strip()), get_settings().groups_claim)


def forget_keys() -> None:
    """Forget the issuer's keys."""
    _Environment.keys = {}
    _Environment.asked_at = None


def _verified(token: str) -> Mapping[str, Any]:
    import jwt  # noqa: PLC0415  # it is in the agents layer only, and loads cryptography

    settings = get_settings()
    issuer, audience = settings.require("oidc_issuer"), settings.require("oidc_audience")
    try:
        key = _key(str(jwt.get_unverified_header(token).get("kid", "")), issuer)
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            issuer=issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iss", "sub"], "verify_aud": False},
        )
    except jwt.PyJWTError as error:
        raise InvalidTokenError from error
    # Cognito's access tokens have no audience, but the client that they were made for.
    meant_for = claims.get("aud", claims.get("client_id"))
    if audience not in (meant_for if isinstance(meant_for, list) else [meant_for]):
        raise InvalidTokenError
    return claims


def _key(name: str, issuer: str) -> Any:
    """Return the issuer's key of this id; ask the issuer again when it is not known, but not at every such token."""
    asked_at, now = _Environment.asked_at, time.monotonic()
    age = MAX_AGE_SECONDS if asked_at is None else now - asked_at
    if age >= MAX_AGE_SECONDS or (name not in _Environment.keys and age >= MIN_AGE_SECONDS):
        try:
            _Environment.keys, _Environment.asked_at = _keys(issuer), now
        except IssuerUnavailableError:
            # Keys that were good an hour ago are better than nobody getting in.
            if name not in _Environment.keys:
                raise
    if name not in _Environment.keys:
        raise InvalidTokenError
    return _Environment.keys[name]


def _keys(issuer: str) -> dict[str, Any]:
    import jwt  # noqa: PLC0415  # as above

    url = (
        get_settings().oidc_keys_url or _document(f"{issuer.rstrip('/')}/.well-known/openid-configuration")["jwks_uri"]
    )
    keys = {}
    for described in _document(url).get("keys", ()):
        if described.get("kty") == "RSA" and described.get("use", "sig") == "sig":
            try:
                keys[str(described["kid"])] = jwt.PyJWK(described, algorithm="RS256").key
            except (KeyError, jwt.PyJWTError) as error:
                logger.warning("unusable key", action="issuer_key_unusable", reason=type(error).__name__)
    return keys


def _document(url: str) -> dict[str, Any]:
    try:
        # One for each call: it is asked once an hour, and a connection kept open would be dead by then.
        with urllib3.PoolManager(timeout=ISSUER_SECONDS, retries=urllib3.Retry(1, redirect=0)) as pool:
            answer = pool.request("GET", url, preload_content=False)
            document = json.loads(answer.read(MAX_DOCUMENT_BYTES)) if answer.status == 200 else None
            answer.release_conn()
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        logger.warning("issuer does not answer", action="issuer_unavailable", reason=type(error).__name__)
        raise IssuerUnavailableError from error
    if not isinstance(document, dict):
        logger.warning("issuer does not answer", action="issuer_unavailable", reason=f"status {answer.status}")
        raise IssuerUnavailableError
    return document
