"""`python -m callboard_local.emulator`: MiniStack, whose Bedrock says that the model server failed.

By itself it makes an answer up then, and an agent would go on with that.
"""

import functools
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from ministack import app
from ministack.services import bedrock_runtime

type HttpAnswer = tuple[int, dict[str, str], bytes]


class ModelServerError(BaseException):
    """The model server gave no answer. No `Exception`, which the emulator would take for a reason to make one up."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def main() -> None:
    """Serve until a signal says stop."""
    tell_failures()
    app.main()


def tell_failures(module: Any = bedrock_runtime) -> None:
    """Make the emulator's Converse answer an error of Bedrock's where the model server gives no answer."""
    module.urllib = SimpleNamespace(
        error=urllib.error, request=SimpleNamespace(Request=urllib.request.Request, urlopen=_ask)
    )
    module._converse = _failing(module._converse)  # there is no public place for it


def _ask(request: urllib.request.Request, timeout: float) -> Any:
    try:
        return urllib.request.urlopen(request, timeout=timeout)  # the URL is the stack's own setting
    except urllib.error.HTTPError as error:
        if error.code == 429:
            raise ModelServerError(429, "ThrottlingException", "The model server is busy.") from error
        if error.code < 500:
            raise ModelServerError(400, "ValidationException", error.read(2000).decode(errors="replace")) from error
        raise ModelServerError(503, "ServiceUnavailableException", f"The model server said {error.code}.") from error
    except (urllib.error.URLError, OSError) as error:
        raise ModelServerError(503, "ServiceUnavailableException", "The model server does not answer.") from error


def _failing(converse: Callable[..., HttpAnswer]) -> Callable[..., HttpAnswer]:
    @functools.wraps(converse)
    def wrapped(*arguments: Any) -> HttpAnswer:
        try:
            return converse(*arguments)
        except ModelServerError as error:
            # The SDK reads the error's code from the header.
            headers = {"Content-Type": "application/json", "x-amzn-errortype": error.code}
            return error.status, headers, json.dumps({"message": str(error)}).encode()

    return wrapped


if __name__ == "__main__":
    main()
