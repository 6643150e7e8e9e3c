"""Errors of the domain: each is named for a business fact and carries a stable code.

Nothing here knows HTTP; `callboard.http` maps classes to statuses, WebSocket and tool answers carry the same codes.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class ServiceError(Exception):
    """The request could not be carried out.

    The docstring of a subclass is its default message. `retryable` tells a caller whether the same request may
    succeed later without any change.
    """

    code: ClassVar[str] = "SERVICE_ERROR"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str | None = None, *, details: Mapping[str, Any] | None = None) -> None:
        self.message = message or (type(self).__doc__ or "").partition("\n")[0]
        self.details = dict(details or {})
        super().__init__(self.message)

    def as_dict(self) -> dict[str, Any]:
        """Return the wire form shared by HTTP, WebSocket and tool errors, without a request id."""
        return {"code": self.code, "message": self.message, "details": self.details}


class NotFoundError(ServiceError):
    """Nothing with this id exists for the caller."""

    code = "NOT_FOUND"


class RouteNotFoundError(NotFoundError):
    """There is no such route."""

    code = "ROUTE_NOT_FOUND"


class MethodNotAllowedError(ServiceError):
    """This address does not take this method."""

    code = "METHOD_NOT_ALLOWED"


class ConflictError(ServiceError):
    """The current state does not allow this."""

    code = "CONFLICT"


class InvalidInputError(ServiceError):
    """The request is not valid."""

    code = "VALIDATION_ERROR"


class AnswerTooLargeError(InvalidInputError):
    """The answer would be too large; ask for a smaller page with limit."""

    code = "ANSWER_TOO_LARGE"


class MalformedBodyError(ServiceError):
    """The body is not valid JSON."""

    code = "MALFORMED_JSON"


class PayloadTooLargeError(ServiceError):
    """The body is too large."""

    code = "PAYLOAD_TOO_LARGE"


class UnsupportedMediaTypeError(ServiceError):
    """The body must be application/json."""

    code = "UNSUPPORTED_MEDIA_TYPE"


class UnauthenticatedError(ServiceError):
    """The request carries no valid proof of who sent it."""

    code = "UNAUTHENTICATED"


class ForbiddenError(ServiceError):
    """The caller may not do this."""

    code = "FORBIDDEN"


class NotFinishedError(ServiceError):
    """What was waited for has not ended in time."""

    code = "NOT_FINISHED"
    retryable = True


class ServiceUnavailableError(ServiceError):
    """A service this request depends on is not available."""

    code = "SERVICE_UNAVAILABLE"
    retryable = True


class ServiceFailedError(ServiceError):
    """A service this request depends on failed."""

    code = "SERVICE_FAILED"


class ConfigurationError(RuntimeError):
    """A setting is missing or wrong; the message names it. A fault of the deployment, never of a request."""
