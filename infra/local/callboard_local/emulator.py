"""`python -m callboard_local.emulator`: MiniStack, whose Bedrock asks a model by its name and says when that failed.

By itself it asks by Bedrock's id of the model, and makes an answer up where it gets none: an
agent would go on with that.
"""

import functools
import http.client
import io
import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from ministack import app
from ministack.services import bedrock_runtime

from callboard_local.ministack import MODEL_SETTING

type HttpAnswer = tuple[int, dict[str, str], bytes]


class ModelServerError(BaseException):
    """The model server gave no answer. No `Exception`, which the emulator would take for a reason to make one up."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def main() -> None:
    """Serve until a signal says stop."""
    tell_failures(os.environ[MODEL_SETTING])
    app.main()


def tell_failures(model: str, module: Any = bedrock_runtime) -> None:
    """Make the emulator's Converse ask this model, and answer an error of Bedrock's where that gives no answer."""
    ask = functools.partial(_ask, model)
    module.urllib = SimpleNamespace(
        error=urllib.error, request=SimpleNamespace(Request=urllib.request.Request, urlopen=ask)
    )
    module._converse = _failing(module._converse)  # there is no public place for it


def _ask(model: str, request: urllib.request.Request, timeout: float) -> io.BytesIO:
    asked: Any = request.data
    request.data = json.dumps(json.loads(asked) | {"model": model}).encode()
    try:
        # The URL is the stack's own setting.
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            body = answer.read()
    except urllib.error.HTTPError as error:
        if error.code == 429:
            raise ModelServerError(429, "ThrottlingException", "The model server is busy.") from error
        if error.code < 500:
            raise ModelServerError(400, "ValidationException", error.read(2000).decode(errors="replace")) from error
        raise ModelServerError(503, "ServiceUnavailableException", f"The model server said {error.code}.") from error
    except (OSError, http.client.HTTPException) as error:
        raise ModelServerError(503, "ServiceUnavailableException", "The model server does not answer.") from error
    if not _is_completion(body):
        raise ModelServerError(424, "ModelErrorException", "The model server's answer is no chat completion.")
    return io.BytesIO(body)


def _is_completion(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body)["choices"][0]["message"], dict)
    except (ValueError, LookupError, TypeError):
        return False


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
