"""The function that the suite calls: the product's, with other offers. Only tests deploy it."""

import os
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from callboard.identity import Caller
from callboard.mcp import offers
from conformance.fixtures import FixtureOffers
from mcp_server import handler


def _offers_of(caller: Caller) -> FixtureOffers:
    return FixtureOffers(caller, os.environ["SUITE_CARD_ID"])


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one message as `mcp_server` does, offering what the suite asks for.

    Trigger: an HTTP API of its own. Effect: as `mcp_server`; its tasks are jobs on one card. A raise leads to a 500.
    """
    # The handler takes it from there when it is called.
    offers.BoardOffers = _offers_of  # type: ignore[assignment, misc]
    return handler.lambda_handler(event, context)
