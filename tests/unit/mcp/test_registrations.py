"""Names that a registered tool may not take."""

from callboard.agents.control import CONTROL_TOOLS
from callboard.mcp import registrations


def test_names_that_agents_steer_themselves_with_are_reserved() -> None:
    assert set(CONTROL_TOOLS) == registrations.RESERVED
