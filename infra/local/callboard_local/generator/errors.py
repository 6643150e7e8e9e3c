"""Refusals, in the shape of Replicate's API: `{title, detail, status, invalid_fields?}`."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

# Replicate's words for what pydantic calls otherwise.
FIELD_PROBLEMS = {"missing": "required", "extra_forbidden": "additional_property_not_allowed"}
DEFAULT_RETRY_AFTER = 1


class RefusalError(Exception):
    """The request is refused."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        *,
        invalid_fields: Sequence[Mapping[str, str]] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.retry_after = retry_after
        self.body: dict[str, Any] = {"title": title, "detail": detail, "status": status}
        if invalid_fields:
            self.body["invalid_fields"] = list(invalid_fields)


class UnauthenticatedError(RefusalError):
    """The bearer token is missing or wrong."""

    def __init__(self) -> None:
        super().__init__(401, "Unauthenticated", "You did not pass a valid authentication token.")


class UnknownPredictionError(RefusalError):
    """No such prediction is known, or it has been forgotten."""

    def __init__(self) -> None:
        super().__init__(404, "Not found", "The requested resource could not be found.")


class InvalidRequestError(RefusalError):
    """The body or a header does not fit."""

    def __init__(self, invalid_fields: Sequence[Mapping[str, str]]) -> None:
        detail = "\n".join(f"- {each['field'] or '(root)'}: {each['description']}" for each in invalid_fields)
        super().__init__(422, "Input validation failed", detail, invalid_fields=invalid_fields)

    @classmethod
    def of(cls, error: ValidationError) -> "InvalidRequestError":
        """Name every field that pydantic refused, never its value."""
        return cls(
            [
                {
                    "type": FIELD_PROBLEMS.get(each["type"], each["type"]),
                    "field": ".".join(str(part) for part in each["loc"]),
                    "description": each["msg"],
                }
                for each in error.errors(include_url=False, include_context=False, include_input=False)
            ]
        )


class SimulatedRefusalError(RefusalError):
    """The refusal that the request itself or an outage asked for; a throttled one always says how long to wait."""

    def __init__(self, status: int, retry_after: int | None) -> None:
        if status == 429:
            wait = DEFAULT_RETRY_AFTER if retry_after is None else retry_after
            super().__init__(
                429, "Throttled", f"Request was throttled. Expected available in {wait} seconds.", retry_after=wait
            )
        else:
            super().__init__(
                status, "Simulated refusal", f"The service was told to answer {status}.", retry_after=retry_after
            )
