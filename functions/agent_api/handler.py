"""/agents: threads, runs, states and the store, as the LangGraph SDK asks for them."""

from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.utilities.typing import LambdaContext

from agent_api import assistants, runs, states, store, threads
from callboard.http import Api


def known_caller(app: Api, next_middleware: NextMiddleware) -> Response[Any]:
    """Answer nobody whom the authorizer does not know, also where the answer is the same for all."""
    _ = app.caller  # raises where there is none
    return next_middleware(app)


api = Api()
api.use(middlewares=[known_caller])
for module in (assistants, threads, runs, states, store):
    api.include_router(module.routes)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer requests about agents.

    Trigger: the HTTP API. Effect: a run is stored with its event, then its first step is asked for; a cancellation
    ends a run. A raise leads to the gateway's 500; what was committed stays, and sweep_jobs asks for lost steps again.
    """
    return api.serve(event, context)
