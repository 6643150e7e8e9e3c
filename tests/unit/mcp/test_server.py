"""The server: its name, its capabilities, and errors of the domain as errors of the protocol."""

import tomllib
from typing import Any, cast

import mcp_types as types
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from callboard.database import DatabaseUnavailableError
from callboard.errors import ServiceError
from callboard.identity import Caller
from callboard.mcp.errors import InvalidToolArgumentsError, ResourceNotFoundError, UnknownToolError
from callboard.mcp.offers import BoardOffers
from callboard.mcp.server import VERSION, Offers, build_server
from support.template import ROOT

OFFERS = BoardOffers(Caller(tenant="alice", user_id="user-alice", user_name="alice"))


class Failing:
    """Offers nothing but an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getattr__(self, name: str) -> Any:
        async def fail(*_: Any) -> Any:
            raise self.error

        return fail


def test_version_is_the_project_s() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION


async def test_announces_no_changes() -> None:
    async with Client(build_server(OFFERS)) as client:
        capabilities = client.server_capabilities

    assert capabilities.tools == types.ToolsCapability(list_changed=False)
    assert capabilities.resources == types.ResourcesCapability(list_changed=False, subscribe=False)


@pytest.mark.parametrize("era", ["2026-07-28", "legacy"])
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnknownToolError(details={"tool": "x"}), types.INVALID_PARAMS),
        (InvalidToolArgumentsError(), types.INVALID_PARAMS),
        (ResourceNotFoundError(details={"uri": "x"}), None),
        (DatabaseUnavailableError(), types.INTERNAL_ERROR),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_errors_keep_their_code_and_details(era: str, error: ServiceError, code: int | None) -> None:
    async with Client(build_server(cast(Offers, Failing(error))), mode=era) as client:
        with pytest.raises(MCPError) as caught:
            await client.list_tools()

    expected = {"legacy": -32002}.get(era, types.INVALID_PARAMS) if code is None else code
    assert caught.value.error == types.ErrorData(
        code=expected, message=error.message, data=error.details | {"code": error.code}
    )


async def test_unforeseen_errors_tell_nothing() -> None:
    async with Client(build_server(cast(Offers, Failing(RuntimeError("secret"))))) as client:
        with pytest.raises(MCPError) as caught:
            await client.list_tools()

    assert "secret" not in str(caught.value.error)
