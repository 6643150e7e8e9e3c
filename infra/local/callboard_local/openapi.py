"""The OpenAPI document, made of the routes of all functions: `python -m callboard_local.openapi [--check]`."""

import argparse
import importlib
import json
import re
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from callboard.http import Api

type Json = dict[str, Any]

FUNCTIONS = Path(__file__).parents[3] / "functions"
COMMITTED = FUNCTIONS / "web_console" / "openapi.json"

TITLE = "Callboard"
DESCRIPTION = """\
A backend for content production: projects are planned into activities and task cards, cards ask cloud generation \
services for pictures, video or sound through generation jobs, and the best result becomes a card's approved asset.

Every answer that is an error has the body `{"error": {"code", "message", "details", "request_id"}}`. Codes are \
stable; messages are for people. Another tenant's id is answered as an unknown one: 404. Anything unforeseen is 500 \
`INTERNAL_ERROR`. Lists take `limit` and `cursor` and answer `{"items": [...], "next_cursor": "..." | null}`.

Changes are followed live over a WebSocket: ask for a ticket, open the URL it comes with, subscribe to a card or a \
project."""

TAGS = {
    "Projects": "What is being produced.",
    "Activities": "The parts of a project, each with its cards.",
    "Cards": "What is asked for: one picture, video or sound.",
    "Assets": "The results that were approved, one a card.",
    "Jobs": "Requests to cloud generation services, and what became of them.",
    "Agents": "Assistants, threads and runs, as the LangGraph SDK asks for them.",
    "Tools": "Tools of other services, which agents and MCP clients may call.",
    "Realtime": "Following changes live, over a WebSocket.",
    "Services": "For cloud generation services: signed reports about jobs.",
    "Health": "Whether what Callboard depends on answers.",
}

ACCESS_TOKEN: Json = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "An access token of the user pool. The tenant is the user's group `tenant:<name>`.",
}
SIGNATURE: Json = {
    "type": "apiKey",
    "in": "header",
    "name": "webhook-signature",
    "description": "Standard Webhooks: `webhook-id`, `webhook-timestamp` and `webhook-signature` over the raw body.",
}
# Routes without the gateway's authorizer, and what they ask for instead.
UNAUTHORIZED_PATHS: dict[str, list[Json]] = {
    "/health": [],
    "/api/jobs/{job_id}/status": [{"signature": []}],
    "/api/callbacks/{provider}": [{"signature": []}],
}

POWERTOOLS_VALIDATION_ERROR = "#/components/schemas/HTTPValidationError"
POWERTOOLS_RESPONSE_ERROR = "#/components/schemas/ResponseValidationError"
ENVELOPE = "#/components/schemas/ErrorEnvelope"


class ContradictionError(ValueError):
    """Two functions say different things under one name."""


def document() -> Json:
    """Make the document of all functions that have routes."""
    paths: Json = {}
    schemas: Json = {}
    for api in _apis():
        part = api.get_openapi_schema(title=TITLE, version="0").model_dump(
            mode="json", by_alias=True, exclude_none=True
        )
        for path, operations in part.get("paths", {}).items():
            for method, operation in operations.items():
                _merge(paths.setdefault(path, {}), method, _operation(path, method, operation))
        for name, schema in part.get("components", {}).get("schemas", {}).items():
            _merge(schemas, name, schema)
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": version("callboard"), "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "security": [{"accessToken": []}],
        "tags": _tags(paths),
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {name: schemas[name] for name in sorted(_reachable(paths, schemas))},
            "securitySchemes": {"accessToken": ACCESS_TOKEN, "signature": SIGNATURE},
        },
    }


def text() -> str:
    """Return the document as it is committed."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def _apis() -> Iterator[Api]:
    for path in sorted(FUNCTIONS.glob("*/handler.py")):
        api = getattr(importlib.import_module(f"{path.parent.name}.handler"), "api", None)
        if isinstance(api, Api):
            yield api


def _merge(into: Json, name: str, value: Any) -> None:
    if into.setdefault(name, value) != value:
        raise ContradictionError(f"{name} has two meanings")


def _operation(path: str, method: str, operation: Json) -> Json:
    # Powertools names an operation for its function, path and method; the function's name says it all.
    suffix = re.sub(r"\W", "_", path) + f"_{method}"
    operation["operationId"] = operation["operationId"].removesuffix(suffix)
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "header":
            parameter["name"] = parameter["name"].title()
    takes_input = "requestBody" in operation or any(p["in"] != "path" for p in operation.get("parameters", []))
    answers: Json = {}
    for status, answer in sorted(operation["responses"].items()):
        schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
        if schema.get("$ref") == POWERTOOLS_RESPONSE_ERROR:
            # Powertools adds it everywhere; to us it is one of the unforeseen.
            continue
        if schema.get("$ref") == POWERTOOLS_VALIDATION_ERROR:
            # Powertools adds it everywhere, too; a bad id in a path is our 404.
            if not takes_input:
                continue
            schema["$ref"] = ENVELOPE
            answer["description"] = "Unprocessable Content"
        if status == "204":
            answer.pop("content", None)
        answers[status] = answer
    operation["responses"] = answers
    if path in UNAUTHORIZED_PATHS:
        operation["security"] = UNAUTHORIZED_PATHS[path]
    return operation


def _tags(paths: Json) -> list[Json]:
    used = {
        tag for operations in paths.values() for operation in operations.values() for tag in operation.get("tags", [])
    }
    if used - TAGS.keys():
        raise ContradictionError(f"tags without a description: {', '.join(sorted(used - TAGS.keys()))}")
    return [{"name": name, "description": words} for name, words in TAGS.items() if name in used]


def _reachable(paths: Json, schemas: Json) -> set[str]:
    found: set[str] = set()
    waiting: list[Any] = [paths]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            name = str(node.get("$ref", "")).rpartition("/")[2]
            if name and name not in found:
                found.add(name)
                waiting.append(schemas[name])
            waiting += node.values()
    return found


def main() -> None:
    """Write the document where web_console serves it from; with --check, only say whether it is current."""
    parser = argparse.ArgumentParser(prog="python -m callboard_local.openapi", description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if the document is stale")
    if not parser.parse_args().check:
        COMMITTED.write_text(text(), encoding="utf-8")
    elif COMMITTED.read_text(encoding="utf-8") != text():
        sys.exit("functions/web_console/openapi.json does not match the routes: run `make openapi`")


if __name__ == "__main__":
    main()
