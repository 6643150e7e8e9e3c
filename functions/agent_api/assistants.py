"""Routes of assistants."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Body

from agent_api import answers
from agent_api.answers import TAGS
from callboard.agents import assistants, service
from callboard.agents.models import Assistant, AssistantSchemas, AssistantSearch
from callboard.http import Routes

routes = Routes()


@routes.post("/agents/assistants/search", summary="List the assistants", tags=TAGS, responses=answers.SEARCH)
def search_assistants(request: Annotated[AssistantSearch, Body()]) -> list[Assistant]:
    return service.search_assistants(request)


@routes.post("/agents/assistants/count", summary="Count the assistants", tags=TAGS, responses=answers.SEARCH)
def count_assistants(request: Annotated[AssistantSearch, Body()]) -> int:
    return len(service.search_assistants(request))


@routes.get("/agents/assistants/<assistant_id>", summary="Read an assistant", tags=TAGS, responses=answers.READ)
def get_assistant(assistant_id: str) -> Assistant:
    return assistants.find(assistant_id).view()


@routes.get(
    "/agents/assistants/<assistant_id>/schemas",
    summary="Read what an assistant takes and gives",
    tags=TAGS,
    responses=answers.READ,
)
def get_assistant_schemas(assistant_id: str) -> AssistantSchemas:
    return assistants.find(assistant_id).schemas()


@routes.get(
    "/agents/assistants/<assistant_id>/graph", summary="Read an assistant's graph", tags=TAGS, responses=answers.READ
)
def get_assistant_graph(assistant_id: str) -> dict[str, Any]:
    assistants.find(assistant_id)
    from callboard.agents.graph import drawn  # noqa: PLC0415  # LangGraph takes as long to load as all else together

    return drawn()


@routes.get("/agents/ok", summary="Say that the agents answer", tags=TAGS, responses=answers.READ)
def ok() -> dict[str, bool]:
    return {"ok": True}


@routes.get("/agents/info", summary="Say what is offered", tags=TAGS, responses=answers.READ)
def info() -> dict[str, Any]:
    return {
        "flags": {"assistants": True, "crons": False, "langsmith": False},
        "stream_modes": ["values", "updates"],
        "multitask_strategies": ["reject", "enqueue", "interrupt"],
    }
