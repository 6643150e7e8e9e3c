"""One running service and one receiver a module."""

from collections.abc import Iterator

import httpx
import pytest

from support.generator import Api, Receiver, running_receiver, running_service


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """A receiver of callbacks."""
    with running_receiver() as running:
        yield running


@pytest.fixture(scope="module")
def service() -> Iterator[httpx.Client]:
    """A client of a running service that works ten times as fast as usual."""
    with running_service() as client:
        yield client


@pytest.fixture
def api(service: httpx.Client) -> Api:
    """The running service's API."""
    return Api(service)
