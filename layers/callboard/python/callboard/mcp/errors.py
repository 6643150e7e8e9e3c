"""What can be wrong with a call of a tool."""

from typing import Self

from pydantic import ValidationError

from callboard.errors import InvalidInputError, NotFoundError


def _fields(error: ValidationError) -> list[dict[str, str]]:
    return [
        {
            "field": ".".join(str(part) for part in fault["loc"]) or "arguments",
            "message": fault["msg"],
            "type": fault["type"],
        }
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    ]


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
