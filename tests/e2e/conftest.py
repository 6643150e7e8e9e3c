"""The local stack, started once for all of these tests, and people who use it over HTTP and WebSocket."""

from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest

from callboard_local import ministack
from callboard_local.paths import PROJECT, StackPaths
from callboard_local.stack import Stack
from support.aws import forget_clients
from support.stack import User, running_stack, signed_in

PATHS = StackPaths(PROJECT / ".local" / "test-e2e")


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with running_stack(PATHS) as running:
        yield running


@pytest.fixture(scope="session")
def token(stack: Stack) -> Callable[[str], str]:
    """Sign local users in, each once."""
    tokens: dict[str, str] = {}

    def of(user: str) -> str:
        if user not in tokens:
            tokens[user] = stack.token(PATHS, user)
        return tokens[user]

    return of


@pytest.fixture
async def alice(stack: Stack, token: Callable[[str], str]) -> AsyncIterator[User]:
    async with signed_in(stack, token("alice")) as user:
        yield user


@pytest.fixture
async def bob(stack: Stack, token: Callable[[str], str]) -> AsyncIterator[User]:
    async with signed_in(stack, token("bob")) as user:
        yield user


@pytest.fixture
async def admin(stack: Stack, token: Callable[[str], str]) -> AsyncIterator[User]:
    """An administrator of alice's tenant."""
    async with signed_in(stack, token("admin")) as user:
        yield user


@pytest.fixture
async def control(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """Ask the generation service what it was asked."""
    headers = {"authorization": f"Bearer {stack.generator_token}"}
    async with httpx.AsyncClient(base_url=stack.generator_url, headers=headers) as http:
        yield http


@pytest.fixture
def elsewhere(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this process be a program with credentials for the stack's account, and none of its settings."""
    for name, value in ministack.CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", stack.aws_endpoint_url)
    # Otherwise boto3 asks data-127.0.0.1 for instances.
    monkeypatch.setenv("AWS_DISABLE_HOST_PREFIX_INJECTION", "true")
    forget_clients()
    yield
    forget_clients()
