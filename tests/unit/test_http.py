"""HTTP: one envelope for every error, nothing of the inside, clear words for bad input."""

import base64
import json
from collections.abc import Mapping
from http import HTTPStatus
from types import SimpleNamespace
from typing import Annotated, Any
from uuid import UUID, uuid4

import pytest
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from pydantic import BaseModel, ConfigDict, Field

from callboard import errors, http
from callboard.http import MAX_ANSWER_BYTES, MAX_BODY_BYTES, STATUS_OF, Api, json_response, responses, status_of
from callboard.observability import correlation_id
from support.lambdas import ALICE, Answer, Context, call_http, http_event


class Lantern(BaseModel):
    """What the test API takes."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=10)
    lumen: int = 0
    extra: dict[str, Any] = Field(default_factory=dict)


class StormError(errors.ConflictError):
    """A storm is in the way."""

    code = "STORM"


api = Api()


@api.post("/lanterns")
def make(lantern: Annotated[Lantern, Body()]) -> Response[Lantern]:
    return json_response(HTTPStatus.CREATED, lantern, {"Location": "/lanterns/1"})


@api.get("/lanterns/<lantern_id>")
def read(lantern_id: UUID, lumen: Annotated[int, Query(ge=0)] = 0) -> dict[str, Any]:
    return {"id": str(lantern_id), "lumen": lumen}


@api.get("/raise/<kind>")
def fail(kind: str) -> dict[str, Any]:
    if kind == "storm":
        raise StormError(details={"wind": 12})
    if kind == "busy":
        raise errors.ServiceUnavailableError
    raise ZeroDivisionError("password=hunter2")


@api.get("/huge")
def huge() -> dict[str, str]:
    return {"light": "x" * MAX_ANSWER_BYTES}


@api.get("/whoami")
def whoami() -> dict[str, Any]:
    return {"tenant": api.caller.tenant}


@api.get("/correlation")
def correlation() -> dict[str, Any]:
    return {"correlation_id": correlation_id()}


@api.post("/raw")
def raw() -> dict[str, Any]:
    return {"body": api.raw_body.decode(), "header": api.header("x-note")}


@api.get("/broken")
def broken() -> Lantern:
    return {"nothing": "of it"}  # type: ignore[return-value]


def call(method: str, path: str, **parts: Any) -> Answer:
    return call_http(api.serve, method, path, **parts)


def error_of(answer: Answer) -> Mapping[str, Any]:
    assert set(answer.body) == {"error"}
    error: Mapping[str, Any] = answer.body["error"]
    assert set(error) == {"code", "message", "details", "request_id"}
    assert answer.headers["Content-Type" if "Content-Type" in answer.headers else "content-type"] == "application/json"
    return error


def test_answer_has_its_own_status_and_headers() -> None:
    answer = call("POST", "/lanterns", body={"name": "Fresnel"})

    assert (answer.status, answer.headers["Location"]) == (201, "/lanterns/1")
    assert answer.body == {"name": "Fresnel", "lumen": 0, "extra": {}}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": 7}, "name"),
        ({"name": "x" * 11}, "name"),
        ({"name": "x", "lumen": "bright"}, "lumen"),
        ({"name": "x", "colour": "red"}, "colour"),
    ],
)
def test_wrong_field_is_422_with_its_path(body: Any, field: str) -> None:
    answer = call("POST", "/lanterns", body=body)

    error = error_of(answer)
    assert (answer.status, error["code"]) == (422, "VALIDATION_ERROR")
    (fault,) = error["details"]["fields"]
    assert fault["field"].endswith(field)
    assert fault["message"]


@pytest.mark.parametrize(
    "body", ["{", "{'name': 1}", "nope", '{"name": NaN}', '{"lumen": Infinity, "name": "x"}', "[" * 5000]
)
def test_body_that_is_not_json_is_400(body: str) -> None:
    answer = call("POST", "/lanterns", raw_body=body)

    assert (answer.status, error_of(answer)["code"]) == (400, "MALFORMED_JSON")


def test_body_too_deeply_nested_is_400() -> None:
    answer = call("POST", "/lanterns", raw_body='{"name": "x", "extra": ' + '{"a":' * 80 + "1" + "}" * 81)

    assert (answer.status, error_of(answer)["code"]) == (400, "MALFORMED_JSON")


@pytest.mark.parametrize("body", ["[]", '[{"name": "x"}]', "7", '"text"', "null"])
def test_body_that_is_no_object_is_422(body: str) -> None:
    answer = call("POST", "/lanterns", raw_body=body)

    assert (answer.status, error_of(answer)["code"]) == (422, "VALIDATION_ERROR")


@pytest.mark.parametrize("letter", ["x", "é"])
def test_body_over_the_limit_is_413_by_its_bytes(letter: str) -> None:
    count = MAX_BODY_BYTES // len(letter.encode())
    answer = call("POST", "/lanterns", raw_body=json.dumps({"name": letter * count}, ensure_ascii=False))

    error = error_of(answer)
    assert (answer.status, error["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert error["details"] == {"limit_bytes": MAX_BODY_BYTES}


def test_body_of_another_media_type_is_415() -> None:
    answer = call("POST", "/lanterns", raw_body="<a/>", headers={"Content-Type": "application/xml"})

    assert (answer.status, error_of(answer)["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("text", ["1", "not-an-id", "00000000-0000-0000-0000-00000000000g"])
def test_id_that_cannot_exist_is_404(text: str) -> None:
    answer = call("GET", f"/lanterns/{text}")

    assert (answer.status, error_of(answer)["code"]) == (404, "LANTERN_NOT_FOUND")


@pytest.mark.parametrize("lumen", ["-1", "x", ""])
def test_wrong_query_parameter_is_422(lumen: str) -> None:
    answer = call("GET", f"/lanterns/{uuid4()}", query={"lumen": lumen})

    assert (answer.status, error_of(answer)["details"]["fields"][0]["field"]) == (422, "lumen")


@pytest.mark.parametrize(("method", "path"), [("GET", "/nowhere"), ("DELETE", "/lanterns"), ("GET", "/lanterns/1/2")])
def test_unknown_route_is_404(method: str, path: str) -> None:
    answer = call(method, path)

    assert (answer.status, error_of(answer)["code"]) == (404, "ROUTE_NOT_FOUND")


def test_error_of_the_domain_keeps_its_code_message_and_details() -> None:
    event = http_event("GET", "/raise/storm")

    answer = api.serve(event, Context())

    assert answer["statusCode"] == 409
    assert json.loads(answer["body"])["error"] == {
        "code": "STORM",
        "message": "A storm is in the way.",
        "details": {"wind": 12},
        "request_id": event["requestContext"]["requestId"],
    }


def test_retryable_error_says_when() -> None:
    answer = call("GET", "/raise/busy")

    assert answer.status == 503
    assert {name.lower(): value for name, value in answer.headers.items()}["retry-after"] == "1"


@pytest.mark.parametrize("path", ["/raise/anything", "/broken"])
def test_unforeseen_error_is_500_and_tells_nothing_of_the_inside(path: str) -> None:
    answer = call("GET", path)

    error = error_of(answer)
    assert (answer.status, error["code"]) == (500, "INTERNAL_ERROR")
    assert (error["message"], error["details"]) == ("An unexpected error occurred", {})
    assert "hunter2" not in answer.text


@pytest.mark.parametrize("body", [b"\xff\xfe", b'{"name": "\xff"}'])
def test_body_that_is_not_text_is_400(body: bytes) -> None:
    event = http_event("POST", "/lanterns", raw_body=base64.b64encode(body).decode())

    answer = api.serve(event | {"isBase64Encoded": True}, Context())

    assert (answer["statusCode"], json.loads(answer["body"])["error"]["code"]) == (400, "MALFORMED_JSON")


def test_body_that_is_not_even_base64_is_400() -> None:
    event = http_event("POST", "/lanterns", raw_body="not base64!")

    assert api.serve(event | {"isBase64Encoded": True}, Context())["statusCode"] == 400


def test_body_that_came_as_base64_is_read_like_any_other() -> None:
    event = http_event("POST", "/lanterns", raw_body=base64.b64encode(b'{"name": "Fresnel"}').decode())

    assert api.serve(event | {"isBase64Encoded": True}, Context())["statusCode"] == 201


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "multipart/form-data", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"],
)
def test_every_other_media_type_is_415(media_type: str) -> None:
    answer = call_http(api.serve, "POST", "/lanterns", raw_body="a=b", headers={"content-type": media_type})

    assert (answer.status, answer.body["error"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_answer_larger_than_lambda_can_give_says_to_ask_for_less() -> None:
    answer = call_http(api.serve, "GET", "/huge")

    assert (answer.status, answer.body["error"]["code"]) == (422, "ANSWER_TOO_LARGE")


def test_caller_comes_from_the_authorizers_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "get_settings", lambda: SimpleNamespace(groups_claim="cognito:groups"))

    assert call("GET", "/whoami", claims=ALICE).body["tenant"] == "alice"


def test_caller_without_verified_claims_is_401(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "get_settings", lambda: SimpleNamespace(groups_claim="cognito:groups"))

    answer = call("GET", "/whoami", headers={"Authorization": "Bearer e30.e30.e30"})

    assert (answer.status, error_of(answer)["code"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    ("sent", "is_kept"), [("trace-7", True), ("two words", False), ("x" * 129, False), ("", False)]
)
def test_correlation_id_is_the_senders_if_it_is_sound(sent: str, is_kept: bool) -> None:
    event = http_event("GET", "/correlation", headers={"X-Correlation-Id": sent})

    answer = api.serve(event, Context())

    expected = sent if is_kept else event["requestContext"]["requestId"]
    assert json.loads(answer["body"]) == {"correlation_id": expected}


def test_raw_body_is_what_was_sent() -> None:
    answer = call("POST", "/raw", raw_body='{"a" :  1}', headers={"X-Note": " spaced "})

    assert answer.body == {"body": '{"a" :  1}', "header": "spaced"}


@pytest.mark.parametrize("kind", STATUS_OF)
def test_subclass_of_an_error_has_its_parents_status(kind: type[errors.ServiceError]) -> None:
    child = type("ChildError", (kind,), {"__doc__": "A child."})

    assert status_of(child()) == STATUS_OF[kind]


def test_declared_errors_have_the_envelope_and_successes_the_return_type() -> None:
    declared = responses(HTTPStatus.CREATED, HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE)

    assert {status: "content" in answer for status, answer in declared.items()} == {201: False, 404: True, 503: True}
