"""Identity: tenant and role from verified claims."""

from typing import Any

import pytest

from callboard.errors import UnauthenticatedError
from callboard.identity import (
    AdminsOnlyError,
    TenantAmbiguousError,
    WrongTokenError,
    caller_from_claims,
    groups_of,
    require_admin,
)


def claims(**more: Any) -> dict[str, Any]:
    return {"sub": "u1", "username": "alice", "token_use": "access", "cognito:groups": "[tenant:studio]"} | more


@pytest.mark.parametrize(
    ("claim", "groups"),
    [
        (None, []),
        ("", []),
        ("[]", []),
        ("[tenant:studio]", ["tenant:studio"]),
        ("[tenant:studio admins]", ["tenant:studio", "admins"]),
        ("tenant:studio, admins", ["tenant:studio", "admins"]),
        (["tenant:studio", "admins"], ["tenant:studio", "admins"]),
        (7, []),
    ],
)
def test_groups_are_read_from_every_form_of_the_claim(claim: Any, groups: list[str]) -> None:
    assert groups_of(claim) == groups


def test_tenant_is_the_users_group() -> None:
    caller = caller_from_claims(claims())

    assert (caller.tenant, caller.user_id, caller.user_name) == ("studio", "u1", "alice")
    assert (caller.is_admin, caller.is_machine) == (False, False)


def test_user_without_a_tenant_group_is_alone() -> None:
    caller = caller_from_claims(claims(**{"cognito:groups": "[admins]"}))

    assert caller.tenant == "user:u1"
    assert caller.is_admin


def test_group_that_names_no_tenant_is_none() -> None:
    assert caller_from_claims(claims(**{"cognito:groups": "[tenant:]"})).tenant == "user:u1"


def test_tenant_that_looks_like_a_user_of_its_own_is_a_known_limit_of_group_names() -> None:
    """Only admins make groups: nobody can join `tenant:user:u2` without one."""
    assert caller_from_claims(claims(**{"cognito:groups": "[tenant:user:u2]"})).tenant == "user:u2"


def test_two_tenants_are_refused() -> None:
    with pytest.raises(TenantAmbiguousError):
        caller_from_claims(claims(**{"cognito:groups": "[tenant:a tenant:b]"}))


def test_one_tenant_named_twice_is_one() -> None:
    assert caller_from_claims(claims(**{"cognito:groups": "[tenant:a tenant:a]"})).tenant == "a"


@pytest.mark.parametrize("subject", [None, ""])
def test_claims_without_a_subject_are_refused(subject: str | None) -> None:
    with pytest.raises(UnauthenticatedError):
        caller_from_claims(claims(sub=subject))


def test_id_token_is_refused() -> None:
    with pytest.raises(WrongTokenError):
        caller_from_claims(claims(token_use="id"))


def test_machine_is_known_by_its_group() -> None:
    assert caller_from_claims(claims(**{"cognito:groups": "[tenant:studio machines]"})).is_machine


def test_other_issuers_claim_is_the_one_that_counts() -> None:
    caller = caller_from_claims(claims(roles=["tenant:other"]), groups_claim="roles")

    assert caller.tenant == "other"


def test_name_falls_back_to_the_client_and_then_the_subject() -> None:
    assert caller_from_claims({"sub": "u1", "client_id": "c1"}).user_name == "c1"
    assert caller_from_claims({"sub": "u1"}).user_name == "u1"


def test_only_administrators_pass_where_one_is_needed() -> None:
    require_admin(caller_from_claims(claims(**{"cognito:groups": "[tenant:studio admins]"})))

    with pytest.raises(AdminsOnlyError):
        require_admin(caller_from_claims(claims()))
