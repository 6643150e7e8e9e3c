"""HTTP routes of a function: one resolver, one error envelope, one way to know who calls."""

import base64
import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, NoReturn

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.exceptions import NotFoundError as RouteMissing
from aws_lambda_powertools.event_handler.openapi.exceptions import (
    RequestUnsupportedContentType,
    RequestValidationError,
    ResponseValidationError,
)
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from callboard import errors
from callboard.fields import message_of
from callboard.identity import Caller, caller_from_claims
from callboard.observability import correlated, logger
from callboard.settings import get_settings

MAX_BODY_BYTES = 256 * 1024
MAX_JSON_DEPTH = 64
# Lambda answers with at most 6 MB (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html), the
# envelope of the gateway's event included, in which the body is a JSON string.
MAX_ANSWER_BYTES = 5 * 1024 * 1024
CORRELATION_HEADER = "x-correlation-id"

# The nearest class in an error's hierarchy decides.
STATUS_OF: dict[type[errors.ServiceError], HTTPStatus] = {
    errors.InvalidInputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.MalformedBodyError: HTTPStatus.BAD_REQUEST,
    errors.UnsupportedMediaTypeError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.UnauthenticatedError: HTTPStatus.UNAUTHORIZED,
    errors.ForbiddenError: HTTPStatus.FORBIDDEN,
    errors.NotFoundError: HTTPStatus.NOT_FOUND,
    errors.MethodNotAllowedError: HTTPStatus.METHOD_NOT_ALLOWED,
    errors.ConflictError: HTTPStatus.CONFLICT,
    errors.PayloadTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.NotFinishedError: HTTPStatus.GATEWAY_TIMEOUT,
    errors.ServiceUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ServiceFailedError: HTTPStatus.BAD_GATEWAY,
    errors.ServiceError: HTTPStatus.INTERNAL_SERVER_ERROR,
}


class ErrorBody(BaseModel):
    """What went wrong."""

    code: str
    message: str
    details: dict[str, Any]
    request_id: str


class ErrorEnvelope(BaseModel):
    """The body of every answer that is an error."""

    error: ErrorBody


def status_of(error: errors.ServiceError) -> HTTPStatus:
    """Return the status of an error by the nearest class in its hierarchy."""
    return next(STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF)


def responses(*statuses: HTTPStatus) -> dict[int, Any]:
    """Declare the answers of a route for the OpenAPI document: errors have the envelope, others the return type."""
    return {
        int(status): {"description": status.phrase}
        | ({"content": {"application/json": {"model": ErrorEnvelope}}} if status >= HTTPStatus.BAD_REQUEST else {})
        for status in statuses
    }


def _caller_of(event: dict[str, Any]) -> Caller:
    authorizer = event.get("requestContext", {}).get("authorizer") or {}
    return caller_from_claims((authorizer.get("jwt") or {}).get("claims") or {}, get_settings().groups_claim)


def _with_text_body(event: dict[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the event with its body as text, which is all that any of our routes takes.

    Raises:
        PayloadTooLargeError: The body is larger than we take.
        UnsupportedMediaTypeError: It is not JSON by its own word.
        MalformedBodyError: It is not text.
    """
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        try:
            body = base64.b64decode(body, validate=True).decode()
        except ValueError as error:
            raise errors.MalformedBodyError from error
    if len(body) > MAX_BODY_BYTES or len(body.encode(errors="replace")) > MAX_BODY_BYTES:
        raise errors.PayloadTooLargeError(details={"limit_bytes": MAX_BODY_BYTES})
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and media_type not in {"", "application/json"}:
        raise errors.UnsupportedMediaTypeError
    return event | {"body": body or None, "isBase64Encoded": False}


def _refuse_constant(name: str) -> NoReturn:
    raise json.JSONDecodeError(f"{name} is not JSON", name, 0)


def _load_json(body: str) -> Any:
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise json.JSONDecodeError("too deeply nested", "", 0) from error
    except json.JSONDecodeError:
        raise
    except ValueError as error:
        raise json.JSONDecodeError("a number with too many digits", "", 0) from error
    if _depth_exceeds(value, MAX_JSON_DEPTH):
        raise json.JSONDecodeError("too deeply nested", "", 0)
    # Where an object is wanted, Powertools would take the first element of a list for it; a tuple it validates.
    return tuple(value) if isinstance(value, list) else value


def _depth_exceeds(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return False
    return True


class Api(APIGatewayHttpResolver):
    """The routes of one function behind the HTTP API."""

    def __init__(self) -> None:
        super().__init__(
            enable_validation=True,
            # Without it Powertools blames the request for an answer of ours that does not fit its type.
            response_validation_error_http_code=HTTPStatus.INTERNAL_SERVER_ERROR,
            json_body_deserializer=_load_json,
            serializer=_dump_json,
        )
        self.exception_handler(errors.ServiceError)(self._service_error)
        self.exception_handler(RequestValidationError)(self._invalid_request)
        self.exception_handler(RequestUnsupportedContentType)(self._unsupported_media_type)
        self.exception_handler(ResponseValidationError)(self._unforeseen)
        self.exception_handler(Exception)(self._unforeseen)
        self.not_found(self._route_not_found)

    def serve(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Answer an API Gateway payload 2.0 event; nothing that a request holds makes this raise."""
        headers = event.get("headers") or {}
        request_id = event.get("requestContext", {}).get("requestId") or context.aws_request_id
        with correlated(_correlation_of(headers) or request_id):
            try:
                answer = self.resolve(_with_text_body(event, headers), context)
                if len(answer.get("body") or "") > MAX_ANSWER_BYTES:
                    raise errors.AnswerTooLargeError
            except errors.ServiceError as error:
                answer = self._refusal(error, request_id)
            logger.info(
                "request",
                action="http_request",
                route=event.get("routeKey"),
                status=answer["statusCode"],
                request_id=request_id,
            )
            return answer

    @property
    def caller(self) -> Caller:
        """The authenticated caller of the current request.

        Raises:
            UnauthenticatedError: The route's authorizer verified no token.
        """
        return _caller_of(self.current_event.raw_event)

    @property
    def raw_body(self) -> bytes:
        """The body of the current request as it was sent, for signatures."""
        return (self.current_event.decoded_body or "").encode()

    def header(self, name: str) -> str | None:
        """Return a header of the current request without surrounding white space."""
        value = self.current_event.headers.get(name)
        return value.strip() if value is not None else None

    @property
    def _request_id(self) -> str:
        request_context = self.current_event.raw_event.get("requestContext", {})
        return str(request_context.get("requestId") or self.lambda_context.aws_request_id)

    def refusal(self, error: errors.ServiceError, headers: Mapping[str, str]) -> Response[str]:
        """Answer with an error that needs headers of its own; others are raised."""
        response = self._envelope(error)
        response.headers.update(headers)
        return response

    def _service_error(self, error: errors.ServiceError) -> Response[str]:
        if status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.exception("service error", action="service_error", code=error.code)
        return self._envelope(error)

    def _invalid_request(self, error: RequestValidationError) -> Response[str]:
        faults = [dict(fault) for fault in error.errors()]
        if any(fault["type"] == "json_invalid" for fault in faults):
            return self._envelope(errors.MalformedBodyError())
        in_path = [str(fault["loc"][1]) for fault in faults if fault["loc"][0] == "path"]
        if in_path:
            # An id that cannot exist is an id that does not exist.
            return self._envelope(not_found_of(in_path[0]))
        fields = [
            {"field": _field_path(fault["loc"]), "message": message_of(fault), "type": fault["type"]}
            for fault in faults
        ]
        return self._envelope(errors.InvalidInputError(details={"fields": fields}))

    def _unsupported_media_type(self, error: RequestUnsupportedContentType) -> Response[str]:
        return self._envelope(errors.UnsupportedMediaTypeError())

    def _route_not_found(self, error: RouteMissing) -> Response[str]:
        return self._envelope(errors.RouteNotFoundError())

    def _unforeseen(self, error: Exception) -> Response[str]:
        logger.exception("unforeseen error", action="unforeseen_error")
        return self._envelope(_InternalError())

    def _envelope(self, error: errors.ServiceError) -> Response[str]:
        return Response(
            status_code=status_of(error),
            content_type=content_types.APPLICATION_JSON,
            body=_envelope_json(error, self._request_id),
            headers={"x-request-id": self._request_id} | _retry_hint(error),
        )

    def _refusal(self, error: errors.ServiceError, request_id: str) -> dict[str, Any]:
        return {
            "statusCode": int(status_of(error)),
            "headers": {"content-type": content_types.APPLICATION_JSON, "x-request-id": request_id},
            "body": _envelope_json(error, request_id),
            "isBase64Encoded": False,
        }


class Routes(Router):
    """Routes in a module of their own, for a function that has many; its handler includes them in its `Api`."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def caller(self) -> Caller:
        """The authenticated caller of the current request.

        Raises:
            UnauthenticatedError: The route's authorizer verified no token.
        """
        return _caller_of(self.current_event.raw_event)


class _InternalError(errors.ServiceError):
    """An unexpected error occurred"""  # noqa: D415  # the wire text is fixed

    code = "INTERNAL_ERROR"


def not_found_of(parameter: str) -> errors.NotFoundError:
    """Return the not-found error of a path parameter such as `card_id`."""
    noun = parameter.removesuffix("_id")
    error = errors.NotFoundError(f"{noun.capitalize()} not found.")
    error.code = f"{noun.upper()}_NOT_FOUND"  # type: ignore[misc]  # one instance of a generic class
    return error


def json_response(
    status: HTTPStatus, body: BaseModel | Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response[Any]:
    """Answer with a status of its own and JSON."""
    return Response(
        status_code=status,
        content_type=content_types.APPLICATION_JSON,
        body=body,
        headers=dict(headers or {}),
    )


def no_content() -> Response[str]:
    """Answer that it is done and that there is nothing to say."""
    # An empty text, not null: not everything that stands for API Gateway takes that for no body.
    return Response(status_code=HTTPStatus.NO_CONTENT, body="")


def _dump_json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _envelope_json(error: errors.ServiceError, request_id: str) -> str:
    return json.dumps({"error": error.as_dict() | {"request_id": request_id}}, default=str)


def _retry_hint(error: errors.ServiceError) -> dict[str, str]:
    return {"retry-after": "1"} if error.retryable else {}


def _field_path(location: tuple[Any, ...]) -> str:
    parts = location[1:] if location[0] in {"body", "query", "header"} and len(location) > 1 else location
    return ".".join(str(part) for part in parts)


def _correlation_of(headers: Mapping[str, str]) -> str:
    value = headers.get(CORRELATION_HEADER, "").strip()
    return value if value and len(value) <= 128 and value.isprintable() and " " not in value else ""


type Route = Callable[..., Any]
