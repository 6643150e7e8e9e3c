"""Routes of the store."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from pydantic import AfterValidator

from agent_api import answers
from agent_api.answers import TAGS
from callboard.agents.models import Item, ItemKey, ItemName, Items, ItemSearch, NamespaceSearch, NewItem
from callboard.database import session
from callboard.http import Routes, no_content

routes = Routes()


def _dotted(namespace: str) -> str:
    """Check labels that are joined with dots, as the SDK does it."""
    ItemKey(namespace=_labels(namespace), key="key")
    return namespace


def _labels(namespace: str) -> list[str]:
    return [label for label in namespace.split(".") if label]


@routes.put("/agents/store/items", summary="Remember a value", tags=TAGS, responses=answers.CHANGE_OR_GONE)
def put_item(request: Annotated[NewItem, Body()]) -> Response[Any]:
    from callboard.agents import items  # noqa: PLC0415  # LangGraph takes as long to load as all else together

    with session() as db:
        items.put(db, routes.caller, request)
    return no_content()


@routes.get("/agents/store/items", summary="Read a value", tags=TAGS, responses=answers.READ)
def get_item(
    key: Annotated[ItemName, Query()],
    namespace: Annotated[str, Query(), AfterValidator(_dotted)] = "",
) -> Item:
    from callboard.agents import items  # noqa: PLC0415  # as above

    with session() as db:
        wanted = ItemKey(namespace=_labels(namespace), key=key)
        return items.get(db, routes.caller, wanted)


@routes.delete("/agents/store/items", summary="Forget a value", tags=TAGS, responses=answers.CHANGE_OR_GONE)
def delete_item(request: Annotated[ItemKey, Body()]) -> Response[Any]:
    from callboard.agents import items  # noqa: PLC0415  # as above

    with session() as db:
        items.delete(db, routes.caller, request)
    return no_content()


@routes.post("/agents/store/items/search", summary="Find values", tags=TAGS, responses=answers.SEARCH)
def search_items(request: Annotated[ItemSearch, Body()]) -> Items:
    from callboard.agents import items  # noqa: PLC0415  # as above

    with session() as db:
        return Items(items=items.search(db, routes.caller, request))


@routes.post("/agents/store/namespaces", summary="List namespaces", tags=TAGS, responses=answers.SEARCH)
def list_namespaces(request: Annotated[NamespaceSearch, Body()]) -> dict[str, list[list[str]]]:
    from callboard.agents import items  # noqa: PLC0415  # as above

    with session() as db:
        return {"namespaces": items.namespaces(db, routes.caller, request)}
