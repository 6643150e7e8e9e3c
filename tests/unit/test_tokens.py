"""Tokens of programs: any kind of source, and a machine user that signs in."""

import asyncio
import json
import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from callboard import aws, tokens
from callboard.errors import ConfigurationError, ServiceUnavailableError
from callboard.tokens import MARGIN_SECONDS, MachineTokens, token_of

PASSWORD = "Aa1-very-secret"


class FakeUserPool:
    """Signs in whoever asks, with tokens that are good for an hour."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.challenge: str | None = None
        self.asked: list[dict[str, Any]] = []
        self.threads: set[int] = set()

    def initiate_auth(self, **question: Any) -> dict[str, Any]:
        self.asked.append(question)
        self.threads.add(threading.get_ident())
        if self.error:
            raise self.error
        if self.challenge:
            return {"ChallengeName": self.challenge}
        return {"AuthenticationResult": {"AccessToken": f"token-{len(self.asked)}", "ExpiresIn": 3600}}


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> FakeUserPool:
    fake = FakeUserPool()
    monkeypatch.setattr(aws, "cognito", lambda: fake)
    keep(monkeypatch, json.dumps({"username": "planner", "password": PASSWORD}))
    return fake


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(tokens, "time", made)
    return made


def keep(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Make this the content of the machine's secret."""
    monkeypatch.setattr(tokens, "secret", {"callboard/machines/planner": text}.__getitem__)


def refused(code: str, status: int) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "InitiateAuth")


async def test_a_token_comes_from_text_a_function_or_a_coroutine() -> None:
    async def later() -> str:
        return "later"

    assert [await token_of("text"), await token_of(lambda: "now\n"), await token_of(later)] == ["text", "now", "later"]


async def test_a_machine_signs_in_with_what_its_secret_holds(pool: FakeUserPool) -> None:
    assert await MachineTokens("client-1", "planner")() == "token-1"

    assert pool.asked == [
        {
            "ClientId": "client-1",
            "AuthFlow": "USER_PASSWORD_AUTH",
            "AuthParameters": {"USERNAME": "planner", "PASSWORD": PASSWORD},
        }
    ]


async def test_signing_in_does_not_hold_up_the_event_loop(pool: FakeUserPool) -> None:
    await MachineTokens("client-1", "planner")()

    assert threading.get_ident() not in pool.threads


async def test_a_token_is_kept_until_shortly_before_it_expires(pool: FakeUserPool, clock: Clock) -> None:
    source = MachineTokens("client-1", "planner")
    await source()
    clock.now += 3600 - MARGIN_SECONDS - 1

    before = await source()
    clock.now += 1

    assert (before, await source()) == ("token-1", "token-2")


async def test_those_who_ask_together_sign_in_once(pool: FakeUserPool) -> None:
    source = MachineTokens("client-1", "planner")

    assert set(await asyncio.gather(*(source() for _ in range(5)))) == {"token-1"}


@pytest.mark.parametrize(("code", "status"), [("NotAuthorizedException", 400), ("ResourceNotFoundException", 400)])
async def test_a_machine_that_is_refused_is_a_fault_of_the_deployment(
    pool: FakeUserPool, code: str, status: int
) -> None:
    pool.error = refused(code, status)

    with pytest.raises(ConfigurationError, match=f"planner cannot sign in.*{code}"):
        await MachineTokens("client-1", "planner")()


async def test_a_machine_that_is_asked_for_more_cannot_sign_in(pool: FakeUserPool) -> None:
    pool.challenge = "NEW_PASSWORD_REQUIRED"

    with pytest.raises(ConfigurationError, match="NEW_PASSWORD_REQUIRED"):
        await MachineTokens("client-1", "planner")()


@pytest.mark.parametrize(
    "error",
    [
        refused("TooManyRequestsException", 400),
        refused("InternalErrorException", 500),
        EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
    ],
    ids=repr,
)
async def test_a_user_pool_that_cannot_now_is_unavailable(pool: FakeUserPool, error: Exception) -> None:
    pool.error = error

    with pytest.raises(ServiceUnavailableError):
        await MachineTokens("client-1", "planner")()


@pytest.mark.parametrize("text", [PASSWORD, "[1]", json.dumps({"password": PASSWORD})])
async def test_a_secret_of_another_form_is_named_and_not_told(
    pool: FakeUserPool, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    keep(monkeypatch, text)

    with pytest.raises(ConfigurationError, match="callboard/machines/planner") as caught:
        await MachineTokens("client-1", "planner")()

    assert PASSWORD not in str(caught.value)
    assert caught.value.__cause__ is None
