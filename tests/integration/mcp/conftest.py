"""A stand-in of Lambda for the tests of tools."""

from typing import Any

import pytest

from callboard import aws
from support.aws import FakeCloud
from support.tools import Functions


@pytest.fixture
def functions(cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch) -> Functions:
    """Take the place of the client that invokes functions."""
    stand_in, make = Functions(), aws._client

    def client(service: str, **options: Any) -> Any:
        return stand_in if service == "lambda" else make(service, **options)

    monkeypatch.setattr(aws, "_client", client)
    return stand_in
