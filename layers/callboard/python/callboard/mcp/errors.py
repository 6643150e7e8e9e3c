"""What can be wrong with a tool, and with a call of one."""

from typing import Self

from pydantic import ValidationError

from callboard.errors import (
    ConflictError,
    InvalidInputError,
    NotFinishedError,
    NotFoundError,
    ServiceFailedError,
    ServiceUnavailableError,
)
from callboard.fields import described


def _fields(error: ValidationError) -> list[dict[str, str]]:
    return [fault | {"field": fault["field"] or "arguments"} for fault in described(error)]


class UnknownToolError(NotFoundError):
    """There is no such tool."""

    code = "UNKNOWN_TOOL"


class InvalidToolArgumentsError(InvalidInputError):
    """The tool does not take these arguments."""

    code = "INVALID_TOOL_ARGUMENTS"

    @classmethod
    def of(cls, tool: str, error: ValidationError) -> Self:
        """Say what is wrong with each argument, in the form of an invalid HTTP request; never what was given."""
        return cls(details={"tool": tool, "fields": _fields(error)})


class ResourceNotFoundError(NotFoundError):
    """There is no such resource."""

    code = "RESOURCE_NOT_FOUND"


class TaskNotFoundError(NotFoundError):
    """There is no such task."""

    code = "TASK_NOT_FOUND"


class UnknownPromptError(NotFoundError):
    """There is no such prompt."""

    code = "UNKNOWN_PROMPT"


class InvalidPromptArgumentsError(InvalidInputError):
    """The prompt does not take these arguments."""

    code = "INVALID_PROMPT_ARGUMENTS"

    @classmethod
    def of(cls, prompt: str, error: ValidationError) -> Self:
        """Say what is wrong with each argument, like its tool's counterpart."""
        return cls(details={"prompt": prompt, "fields": _fields(error)})


class ToolNotFoundError(NotFoundError):
    """Tool not found."""

    code = "TOOL_NOT_FOUND"


class ToolNameTakenError(ConflictError):
    """There is a tool of this name already."""

    code = "TOOL_NAME_TAKEN"


class TooManyToolsError(ConflictError):
    """The tenant has as many tools as it may have."""

    code = "TOO_MANY_TOOLS"


class InvalidToolSchemaError(InvalidInputError):
    """The schema is not one that values can be checked by."""

    code = "INVALID_TOOL_SCHEMA"


class FunctionNotAllowedError(InvalidInputError):
    """Only functions of this stack that are named as tools may be registered."""

    code = "FUNCTION_NOT_ALLOWED"


class ToolRefusedError(InvalidInputError):
    """The tool refused the call."""

    code = "TOOL_REFUSED"


class ToolUnavailableError(ServiceUnavailableError):
    """The tool is too busy to take the call; nothing of it happened."""

    code = "TOOL_UNAVAILABLE"


class ToolFailedError(ServiceFailedError):
    """The tool failed; whether anything happened is for the tool to say."""

    code = "TOOL_FAILED"


class ToolGoneError(ServiceFailedError):
    """The tool's function does not exist; nothing of the call happened."""

    code = "TOOL_GONE"


class ToolTimedOutError(NotFinishedError):
    """The tool did not answer in time; it may still have done what it was asked for."""

    code = "TOOL_TIMED_OUT"
    # Not everything may be done twice.
    retryable = False


class ToolAnsweredRubbishError(ServiceFailedError):
    """The tool answered something else than it promises."""

    code = "TOOL_ANSWERED_RUBBISH"
