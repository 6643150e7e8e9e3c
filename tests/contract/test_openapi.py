"""The OpenAPI document says what the routes do, and clients can rely on the committed one."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from callboard.http import STATUS_OF
from callboard_local import openapi

type Json = dict[str, Any]

COMMITTED: Json = json.loads(openapi.COMMITTED.read_text())


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_committed_document_is_what_the_routes_say() -> None:
    assert openapi.COMMITTED.read_text() == openapi.text(), "run `make openapi` and look at the difference"


def test_document_is_valid() -> None:
    OpenAPIV31SpecValidator(COMMITTED).validate()


def test_operation_ids_are_unique_and_readable() -> None:
    ids = [operation["operationId"] for _, _, operation in operations(COMMITTED)]

    assert len(ids) == len(set(ids))
    assert all(name.replace("_", "").isalpha() and name.islower() and len(name) < 40 for name in ids)


def test_every_operation_says_what_it_is_for() -> None:
    described = {tag["name"] for tag in COMMITTED["tags"]}
    for path, method, operation in operations(COMMITTED):
        assert operation["summary"], f"{method} {path}"
        assert len(operation["tags"]) == 1, f"{method} {path}"
        assert operation["tags"][0] in described


def test_every_operation_has_a_success_with_a_schema() -> None:
    for path, method, operation in operations(COMMITTED):
        successes = {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
        assert successes, f"{method} {path}"
        for status, answer in successes.items():
            if status != "204":
                (content,) = answer["content"].values()
                assert content["schema"], f"{method} {path} {status}"


def test_every_declared_error_is_a_status_of_ours_with_our_envelope() -> None:
    ours = {str(int(status)) for status in STATUS_OF.values()}
    declared = 0
    for path, method, operation in operations(COMMITTED):
        for status, answer in operation["responses"].items():
            if status.startswith("2") or path == "/health":
                continue
            declared += 1
            assert status in ours, f"{method} {path} {status}"
            assert answer["content"]["application/json"]["schema"] == {"$ref": openapi.ENVELOPE}
    assert declared


def test_every_operation_with_input_declares_that_it_may_be_refused() -> None:
    for path, method, operation in operations(COMMITTED):
        if "requestBody" in operation:
            assert {"400", "413", "422"} <= set(operation["responses"]), f"{method} {path}"
        if "{" in path:
            assert "404" in operation["responses"], f"{method} {path}"
        if operation.get("security") != []:
            assert "401" in operation["responses"], f"{method} {path}"


def test_schemas_are_those_that_are_used_and_none_is_of_powertools() -> None:
    schemas = COMMITTED["components"]["schemas"]
    used = {reference.rpartition("/")[2] for reference in references(COMMITTED)}

    assert used == set(schemas)
    assert not {"HTTPValidationError", "ValidationError", "ResponseValidationError"} & set(schemas)


def _drop_a_field(document: Json) -> None:
    del document["components"]["schemas"]["JobView"]["properties"]["status"]


def _drop_an_operation(document: Json) -> None:
    del document["paths"]["/api/jobs/{job_id}/cancel"]


def _require_a_parameter(document: Json) -> None:
    document["paths"]["/api/jobs"]["get"]["parameters"][0]["required"] = True


def _open_a_route(document: Json) -> None:
    document["paths"]["/api/jobs"]["get"]["security"] = []


@pytest.mark.parametrize("change", [_drop_a_field, _drop_an_operation, _require_a_parameter, _open_a_route])
def test_breaking_change_makes_the_committed_document_differ(change: Any) -> None:
    changed = copy.deepcopy(openapi.document())

    change(changed)

    assert changed != COMMITTED
