"""/api/projects, /api/activities, /api/cards and /api/assets: the board."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from callboard.http import Api
from manage_board import activities, assets, cards, projects

api = Api()
for module in (projects, activities, cards, assets):
    api.include_router(module.routes)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer requests about the board.

    Trigger: the HTTP API. Effect: a change is stored with its events in one transaction, then they are published. A
    raise leads to the gateway's 500; what was committed stays, and relay_events publishes what was not.
    """
    return api.serve(event, context)
