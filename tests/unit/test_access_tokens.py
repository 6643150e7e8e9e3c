"""Access tokens: which are good, and how often the issuer is asked for its keys."""

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest

from callboard import access_tokens
from callboard.access_tokens import (
    MAX_AGE_SECONDS,
    MIN_AGE_SECONDS,
    InvalidTokenError,
    IssuerUnavailableError,
    caller_of,
)
from callboard.errors import UnauthenticatedError
from callboard.identity import TenantAmbiguousError, WrongTokenError
from support.issuer import AUDIENCE, NAME, FakeIssuer, private_key


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(access_tokens, "time", made)
    return made


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    given: dict[str, Any] = {"oidc_issuer": NAME, "oidc_audience": AUDIENCE}
    made = SimpleNamespace(groups_claim="cognito:groups", oidc_keys_url=f"{NAME}/keys", require=given.__getitem__)
    monkeypatch.setattr(access_tokens, "get_settings", lambda: made)
    return made


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch, clock: Clock, settings: SimpleNamespace) -> Iterator[FakeIssuer]:
    fake = FakeIssuer(url=NAME)

    def document(url: str) -> dict[str, Any]:
        answer = fake.documents(urlsplit(url).path)
        if fake.is_down:
            raise IssuerUnavailableError
        return answer

    monkeypatch.setattr(access_tokens, "_document", document)
    access_tokens.forget_keys()
    yield fake
    access_tokens.forget_keys()


def test_a_good_token_says_who_calls(issuer: FakeIssuer) -> None:
    caller = caller_of(f"Bearer {issuer.token('alice')}")

    assert (caller.tenant, caller.user_id, caller.user_name, caller.is_admin) == ("alice", "user-alice", "alice", False)


@pytest.mark.parametrize("written", ["bearer {}", "BEARER {}", "  Bearer   {} "])
def test_the_scheme_is_taken_in_any_case_and_with_any_white_space(issuer: FakeIssuer, written: str) -> None:
    assert caller_of(written.format(issuer.token())).tenant == "alice"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YWxpY2U6c2VjcmV0", "{}"])
def test_without_a_bearer_token_nobody_calls(issuer: FakeIssuer, header: str | None) -> None:
    with pytest.raises(UnauthenticatedError) as caught:
        caller_of(header and header.format(issuer.token()))

    assert type(caught.value) is UnauthenticatedError
    assert issuer.asked == []


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example.test"},
        {"iss": None},
        {"iss": f"{NAME}/"},
        {"exp": 1},
        {"exp": None},
        {"exp": "never"},
        {"nbf": 32503680000},
        {"iat": 32503680000},
        {"sub": None},
        {"client_id": "another-client"},
        {"client_id": None},
        {"aud": "another-client"},
        {"aud": ["another-client"]},
    ],
    ids=str,
)
def test_a_token_of_wrong_claims_is_invalid(issuer: FakeIssuer, claims: dict[str, Any]) -> None:
    with pytest.raises(InvalidTokenError):
        caller_of(f"Bearer {issuer.token(**claims)}")


@pytest.mark.parametrize("audience", [AUDIENCE, ["other", AUDIENCE]])
def test_an_audience_counts_before_a_client(issuer: FakeIssuer, audience: Any) -> None:
    assert caller_of(f"Bearer {issuer.token(aud=audience, client_id='other')}").tenant == "alice"


def test_a_token_that_another_key_signed_is_invalid(issuer: FakeIssuer) -> None:
    forged = issuer.token(key="forged", headers={"kid": "key-1"})

    with pytest.raises(InvalidTokenError):
        caller_of(f"Bearer {forged}")


def test_a_token_whose_claims_were_changed_is_invalid(issuer: FakeIssuer) -> None:
    header, _, signature = issuer.token("alice").split(".")
    _, claims, _ = issuer.token("bob").split(".")

    with pytest.raises(InvalidTokenError):
        caller_of(f"Bearer {header}.{claims}.{signature}")


def test_a_token_that_is_not_signed_or_by_a_shared_secret_is_invalid(issuer: FakeIssuer) -> None:
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    public = private_key("key-1").public_key().public_numbers()
    unsigned = jwt.encode(claims, "", algorithm="none", headers={"kid": "key-1"})
    shared = jwt.encode(claims, str(public.n).encode(), algorithm="HS256", headers={"kid": "key-1"})

    for token in (unsigned, shared, "a.b.c", "abc", "\x00", "é.é.é"):
        with pytest.raises(InvalidTokenError):
            caller_of(f"Bearer {token}")


def test_an_id_token_is_the_wrong_one(issuer: FakeIssuer) -> None:
    with pytest.raises(WrongTokenError):
        caller_of(f"Bearer {issuer.token(token_use='id', aud=AUDIENCE, client_id=None)}")


def test_a_user_of_two_tenants_is_refused(issuer: FakeIssuer) -> None:
    with pytest.raises(TenantAmbiguousError):
        caller_of(f"Bearer {issuer.token(groups=['tenant:a', 'tenant:b'])}")


def test_the_discovery_document_is_asked_where_no_setting_says_where_the_keys_are(
    issuer: FakeIssuer, settings: SimpleNamespace
) -> None:
    settings.oidc_keys_url = ""

    assert caller_of(f"Bearer {issuer.token()}").tenant == "alice"
    assert issuer.asked == ["/pool/.well-known/openid-configuration", "/pool/keys"]


class TestAskingForKeys:
    def test_happens_once_an_hour(self, issuer: FakeIssuer, clock: Clock) -> None:
        for _ in range(3):
            caller_of(f"Bearer {issuer.token()}")
        assert len(issuer.asked) == 1

        clock.now += MAX_AGE_SECONDS
        caller_of(f"Bearer {issuer.token()}")
        assert len(issuer.asked) == 2

    def test_happens_for_a_new_key_but_not_for_every_unknown_one(self, issuer: FakeIssuer, clock: Clock) -> None:
        caller_of(f"Bearer {issuer.token()}")
        issuer.keys.append("key-2")

        for _ in range(3):
            with pytest.raises(InvalidTokenError):
                caller_of(f"Bearer {issuer.token(key='key-2')}")
        assert len(issuer.asked) == 1

        clock.now += MIN_AGE_SECONDS
        assert caller_of(f"Bearer {issuer.token(key='key-2')}").tenant == "alice"
        assert len(issuer.asked) == 2

    def test_that_fails_leaves_the_keys_that_are_known(self, issuer: FakeIssuer, clock: Clock) -> None:
        caller_of(f"Bearer {issuer.token()}")
        issuer.is_down = True
        clock.now += MAX_AGE_SECONDS

        assert caller_of(f"Bearer {issuer.token()}").tenant == "alice"

    def test_that_fails_is_not_the_fault_of_the_token(self, issuer: FakeIssuer) -> None:
        issuer.is_down = True

        with pytest.raises(IssuerUnavailableError):
            caller_of(f"Bearer {issuer.token()}")

        issuer.is_down = False
        assert caller_of(f"Bearer {issuer.token()}").tenant == "alice"


def test_a_token_is_good_for_moments_after_its_end_for_clocks_differ(issuer: FakeIssuer) -> None:
    assert caller_of(f"Bearer {issuer.token(exp=int(time.time()) - 1)}").tenant == "alice"
