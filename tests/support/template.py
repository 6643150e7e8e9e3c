"""template.yaml as data: functions, routes, queues, rules."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]

type Json = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms: `!Ref X` as `{"Ref": "X"}`, `!Sub X` as `{"Fn::Sub": "X"}`."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> Json:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = str(value).split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {"Ref" if suffix == "Ref" else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _intrinsic)


@lru_cache(maxsize=1)
def template() -> Json:
    """Return the template."""
    loaded: Json = yaml.load((ROOT / "template.yaml").read_text(), Loader=_Loader)
    return loaded


def resources(kind: str) -> dict[str, Json]:
    """Return the properties of all resources of a type, by logical id."""
    return {
        name: resource.get("Properties", {})
        for name, resource in template()["Resources"].items()
        if resource["Type"] == kind
    }


@dataclass(frozen=True)
class HttpRoute:
    """One route of the HTTP API: `$default`, or a method (or ANY) and a path with `{name}` or `{name+}` parts."""

    function: str
    method: str
    path: str
    is_public: bool

    def rank(self, method: str, path: str) -> tuple[int, ...] | None:
        """Tell how well the route fits a request, None if not at all; API Gateway takes the greatest.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
        """
        if self.path == "$default":
            return (0,)
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.sub(r"\\\{\w+\\\+\\\}", ".+", re.escape(self.path)))
        if self.method not in {method, "ANY"} or not re.fullmatch(pattern, path):
            return None
        is_greedy = "+}" in self.path
        return (1, not is_greedy, -self.path.count("{"), len(self.path), self.method != "ANY")


@dataclass(frozen=True)
class Function:
    """A function of the template."""

    logical_id: str
    name: str
    properties: Json

    @property
    def timeout(self) -> int:
        """Seconds until Lambda ends it."""
        return int(self.properties.get("Timeout") or template()["Globals"]["Function"]["Timeout"])

    def events(self, kind: str) -> Iterator[Json]:
        """Yield the properties of its event sources of a type."""
        for event in self.properties.get("Events", {}).values():
            if event["Type"] == kind:
                yield event["Properties"]

    @property
    def routes(self) -> list[HttpRoute]:
        """Its routes of the HTTP API."""
        return [
            HttpRoute(
                function=self.name,
                method=event["Method"],
                path=event["Path"],
                is_public=event.get("Auth", {}).get("Authorizer") == "NONE",
            )
            for event in self.events("HttpApi")
        ]


def functions() -> dict[str, Function]:
    """Return all functions by the name of their folder."""
    found = {}
    for logical_id, properties in resources("AWS::Serverless::Function").items():
        name = properties["Handler"].partition(".")[0]
        found[name] = Function(logical_id, name, properties)
    return found


def routes() -> list[HttpRoute]:
    """Return all routes of the HTTP API."""
    return [route for function in functions().values() for route in function.routes]


def route_for(method: str, path: str) -> HttpRoute:
    """Return the route that API Gateway takes for a request."""
    ranked = [(rank, route) for route in routes() if (rank := route.rank(method, path)) is not None]
    return max(ranked, key=lambda pair: pair[0])[1]
