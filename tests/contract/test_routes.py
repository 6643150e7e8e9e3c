"""Routes: what the document promises is reachable, and what is reachable leads to code."""

import importlib
import re
from typing import Any

import pytest

from callboard.http import Api
from callboard_local import openapi
from support.template import HttpRoute, functions, route_for, routes

PLACEHOLDER = "0"


def api_of(function: str) -> Api:
    api = importlib.import_module(f"{function}.handler").api
    assert isinstance(api, Api)
    return api


def operations_of(function: str) -> list[tuple[str, str]]:
    """Return method and path of each route that a function's code has, pages included."""
    api: Any = api_of(function)
    # Powertools offers no list of routes that includes those left out of the schema.
    return [(route.method, route.openapi_path) for route in [*api._static_routes, *api._dynamic_routes]]


def documented() -> list[tuple[str, str, str, dict[str, Any]]]:
    found = []
    for name in sorted({route.function for route in routes()}):
        schema = api_of(name).get_openapi_schema(title="t", version="0").model_dump(by_alias=True, exclude_none=True)
        found += [
            (name, method.upper(), path, operation)
            for path, methods in schema.get("paths", {}).items()
            for method, operation in methods.items()
        ]
    return found


def filled(path: str) -> str:
    return re.sub(r"\{\w+\}", PLACEHOLDER, path)


def test_every_operation_is_reached_through_the_route_that_the_gateway_takes() -> None:
    unreachable = [
        f"{method} {path} of {name} goes to {taken.function}"
        for name, method, path, _ in documented()
        if (taken := route_for(method, filled(path))).function != name
    ]

    assert documented()
    assert unreachable == []


@pytest.mark.parametrize("route", routes(), ids=lambda route: f"{route.method} {route.path}")
def test_every_route_leads_to_code_that_answers_it(route: HttpRoute) -> None:
    if route.path == "$default":
        assert route.function == "web_console"
        return
    answered = [
        (method, path) for method, path in operations_of(route.function) if route.rank(method, filled(path)) is not None
    ]

    assert answered, f"{route.function} has no route for {route.method} {route.path}"


def test_document_asks_for_an_access_token_exactly_where_the_gateway_does() -> None:
    document = openapi.document()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            is_public = route_for(method.upper(), filled(path)).is_public
            needs_token = {"accessToken": []} in operation.get("security", document["security"])
            assert needs_token is not is_public, f"{method} {path}"


def test_public_routes_are_these() -> None:
    assert {(route.method, route.path) for route in routes() if route.is_public} == {
        ("GET", "/"),
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
        ("GET", "/assets/{proxy+}"),
        ("ANY", "$default"),
        ("GET", "/health"),
        ("ANY", "/mcp"),
        ("GET", "/.well-known/oauth-protected-resource"),
        ("GET", "/.well-known/oauth-protected-resource/mcp"),
        ("POST", "/api/jobs/{job_id}/status"),
        ("POST", "/api/callbacks/{provider}"),
    }


def test_every_function_with_routes_is_in_the_template() -> None:
    assert {route.function for route in routes()} <= set(functions())


def test_specific_route_wins_over_a_greedy_one_and_both_over_the_default() -> None:
    exact = HttpRoute("a", "GET", "/x/y", is_public=False)
    variable = HttpRoute("b", "ANY", "/x/{id}", is_public=False)
    greedy = HttpRoute("c", "ANY", "/x/{proxy+}", is_public=False)
    default = HttpRoute("d", "ANY", "$default", is_public=False)

    ranks = [route.rank("GET", "/x/y") for route in (exact, variable, greedy, default)]

    assert None not in ranks
    assert ranks == sorted(ranks, key=lambda rank: rank or (), reverse=True)
    assert exact.rank("POST", "/x/y") is None
    assert variable.rank("GET", "/x/y/z") is None
