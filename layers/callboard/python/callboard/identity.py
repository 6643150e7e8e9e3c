"""Who calls: the tenant, the user and the role, from the claims of a verified access token."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from callboard.errors import ForbiddenError, UnauthenticatedError

TENANT_GROUP_PREFIX = "tenant:"
ADMIN_GROUP = "admins"
MACHINE_GROUP = "machines"


class TenantAmbiguousError(ForbiddenError):
    """The user belongs to more than one tenant."""

    code = "TENANT_AMBIGUOUS"


class WrongTokenError(UnauthenticatedError):
    """An access token is needed, not another token of the same issuer."""

    code = "WRONG_TOKEN"


class AdminsOnlyError(ForbiddenError):
    """Only administrators of the tenant may do this."""

    code = "ADMINS_ONLY"


class Caller(BaseModel):
    """An authenticated user or machine and what it may see."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    user_id: str
    user_name: str
    is_admin: bool = False
    is_machine: bool = False


def groups_of(claim: Any) -> list[str]:
    """Return the group names in a claim: a JSON array, or `[a b]` as an HTTP API's authorizer passes one."""
    if claim is None:
        return []
    if isinstance(claim, str):
        return re.findall(r"[^\s,\[\]]+", claim)
    return [str(group) for group in claim] if isinstance(claim, Iterable) else []


def caller_from_claims(claims: Mapping[str, Any], groups_claim: str = "cognito:groups") -> Caller:
    """Make the caller from the claims of an access token whose signature is already verified.

    Without a tenant group the caller is alone in a tenant of its own, so that a new user sees nobody else's work.

    Raises:
        UnauthenticatedError: The token names no subject.
        WrongTokenError: It is an id token.
        TenantAmbiguousError: It names two tenants.
    """
    subject = claims.get("sub")
    if not subject:
        raise UnauthenticatedError
    if claims.get("token_use", "access") != "access":
        raise WrongTokenError
    groups = groups_of(claims.get(groups_claim))
    tenants = sorted({g.removeprefix(TENANT_GROUP_PREFIX) for g in groups if g.startswith(TENANT_GROUP_PREFIX)} - {""})
    if len(tenants) > 1:
        raise TenantAmbiguousError
    return Caller(
        tenant=tenants[0] if tenants else f"user:{subject}",
        user_id=str(subject),
        user_name=str(claims.get("username") or claims.get("client_id") or subject),
        is_admin=ADMIN_GROUP in groups,
        is_machine=MACHINE_GROUP in groups,
    )


def require_admin(caller: Caller) -> None:
    """Let administrators pass.

    Raises:
        AdminsOnlyError: The caller is none.
    """
    if not caller.is_admin:
        raise AdminsOnlyError
