"""Invoking the function of a registered tool. Whatever it does, the caller gets an answer or a clear error in time."""

import json
import re
from typing import Any, NoReturn

from pydantic import ValidationError

from callboard import aws
from callboard.fields import storable_json
from callboard.mcp.errors import (
    FunctionNotAllowedError,
    ToolAnsweredRubbishError,
    ToolFailedError,
    ToolGoneError,
    ToolRefusedError,
    ToolTimedOutError,
    ToolUnavailableError,
)
from callboard.mcp.models import ToolAnswer, ToolCall
from callboard.observability import logger
from callboard.settings import get_settings

# The gateway waits 30 s for whoever waits for this.
TIME_LIMIT_SECONDS = 20.0
MAX_ANSWER_BYTES = 256 * 1024
MAX_REASON = 1000
# Lambda did not begin.
GONE = "ResourceNotFoundException"
BUSY = frozenset({"TooManyRequestsException", "EC2ThrottledException", "ENILimitReachedException", "ServiceException"})


def require_allowed(function: str) -> None:
    """Let functions pass that may be tools: our permission to invoke ends there, too.

    Raises:
        FunctionNotAllowedError: It is named otherwise, or is an ARN.
    """
    prefix = f"{get_settings().stack_name}-tool-"
    if not re.fullmatch(re.escape(prefix) + r"[A-Za-z0-9_-]+", function):
        raise FunctionNotAllowedError(details={"function": function, "allowed": f"{prefix}*"})


def invoke(function: str, call: ToolCall) -> ToolAnswer:
    """Have a function carry out a call, once.

    Raises:
        FunctionNotAllowedError: The function is none that may be a tool.
        ToolRefusedError: It says that it will not, and why.
        ToolUnavailableError: It is too busy.
        ToolTimedOutError: It did not answer in time.
        ToolGoneError: There is no such function.
        ToolFailedError: It cannot be invoked, or it raised.
        ToolAnsweredRubbishError: It answered no JSON object, or too much.
    """
    require_allowed(function)
    details = {"tool": call.tool}
    try:
        answer = aws.functions(TIME_LIMIT_SECONDS).invoke(
            FunctionName=function, InvocationType="RequestResponse", Payload=call.model_dump_json().encode()
        )
        payload = answer["Payload"].read(MAX_ANSWER_BYTES + 1)
        # What is left unread would keep its connection.
        answer["Payload"].close()
    except aws.late_answers() as error:
        log_failure(function, call, "no answer in time")
        raise ToolTimedOutError(details=details | {"limit_seconds": TIME_LIMIT_SECONDS}) from error
    except aws.failures() as error:
        code = aws.error_of(error)[0] or type(error).__name__
        logger.warning("tool not invoked", action="tool_not_invoked", tool=call.tool, function=function, error=code)
        failed = ToolUnavailableError if code in BUSY else ToolGoneError if code == GONE else ToolFailedError
        raise failed(details=details) from error
    if answer.get("FunctionError"):
        _raise_failure(function, call, payload)
    try:
        return _answer(call, payload)
    except ToolAnsweredRubbishError as error:
        log_failure(function, call, str(error.details["reason"]))
        raise


def log_failure(function: str, call: ToolCall, reason: str) -> None:
    """Note why a function that was invoked is of no use; what it was asked and said stays out of the log."""
    logger.warning("tool failed", action="tool_failed", tool=call.tool, function=function, error=reason[:100])


def _raise_failure(function: str, call: ToolCall, payload: bytes) -> NoReturn:
    """Say that the function raised; what it says of itself stays inside."""
    try:
        kind = str(json.loads(payload).get("errorType"))
    except (ValueError, AttributeError, RecursionError):
        kind = "unknown"
    log_failure(function, call, kind)
    details = {"tool": call.tool}
    raise ToolTimedOutError(details=details) if kind == "Sandbox.Timedout" else ToolFailedError(details=details)


def _answer(call: ToolCall, payload: bytes) -> ToolAnswer:
    def rubbish(reason: str) -> ToolAnsweredRubbishError:
        return ToolAnsweredRubbishError(details={"tool": call.tool, "reason": reason})

    if len(payload) > MAX_ANSWER_BYTES:
        raise rubbish(f"more than {MAX_ANSWER_BYTES} bytes")
    try:
        content: Any = json.loads(payload, parse_constant=_refuse_constant)
        storable_json(content)
        answer = ToolAnswer.model_validate(content)
    except ValidationError as error:
        raise rubbish("no JSON object, or one nested too deeply") from error
    except (ValueError, RecursionError) as error:
        raise rubbish("no valid JSON") from error
    if answer.root.keys() == {"error"}:
        raise _refusal(call, answer.root["error"])
    return answer


def _refusal(call: ToolCall, said: Any) -> ToolRefusedError:
    """Pass on why a tool refuses, as far as it says so in our own form."""
    parts = said if isinstance(said, dict) else {}
    reason = {name: str(parts[name])[:MAX_REASON] for name in ("code", "message") if parts.get(name)}
    return ToolRefusedError(reason.get("message"), details={"tool": call.tool, "reason": reason})


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
