"""The language model: Bedrock's Converse API through LangChain, chosen by settings."""

import random
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.runnables import Runnable

from callboard import aws
from callboard.agents.errors import ModelFailedError
from callboard.errors import ServiceUnavailableError
from callboard.observability import logger
from callboard.settings import get_settings

# What Bedrock answers when the same request may succeed later, beyond what the client has tried again already:
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors
PASSING = frozenset(
    {"ThrottlingException", "ServiceUnavailableException", "InternalServerException", "ModelNotReadyException"}
    | {"ModelTimeoutException"}
)
# Of these, what has taken its time already: another try would outlast the step.
LATE = frozenset({"ModelTimeoutException"})
# What one answer may take, as long as the client waits for it, and some for storing it.
ANSWER_SECONDS = aws.MODEL_READ_SECONDS + 5.0

# Why an answer is none: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
NO_ANSWERS = {
    "max_tokens": "The model's answer was cut off; ModelMaxTokens allows no more.",
    "model_context_window_exceeded": "The model's answer was cut off; the conversation is too long for it.",
    "guardrail_intervened": "A guardrail withheld the model's answer.",
    "content_filtered": "The model's answer was withheld as harmful.",
}
TRIES = 4
PAUSE_SECONDS = 0.5
REPLACEMENT = "\ufffd"


class ModelUnavailableError(ServiceUnavailableError):
    """The model does not answer at the moment."""

    code = "MODEL_UNAVAILABLE"


@lru_cache(maxsize=1)
def chat_model() -> BaseChatModel:
    """Make the chat model of the settings, once an execution environment."""
    from langchain_aws import ChatBedrockConverse  # noqa: PLC0415  # half a second that only steps of agents pay for

    settings = get_settings()
    client = aws.bedrock_runtime(settings.model_region)
    model: BaseChatModel = ChatBedrockConverse(
        model_id=settings.model_id,
        region_name=settings.model_region or None,
        temperature=settings.model_temperature,
        max_tokens=settings.model_max_tokens,
        # Both are ours: the library would make a second one for inference profiles, which are named in full here.
        client=client,
        bedrock_client=client,
        **({"provider": settings.model_provider} if settings.model_provider else {}),
    )
    return model


def ask(model: Runnable[Any, AIMessage], messages: Sequence[AnyMessage], until: float) -> tuple[AIMessage, int, int]:
    """Ask the model; return its answer without what nobody reads, and the tokens that went in and came out.

    Args:
        model: The model, with its tools.
        messages: The conversation.
        until: When whoever asks is gone (monotonic): it is not asked again if its answer could come after that.

    Raises:
        ModelUnavailableError: It does not answer at the moment.
        ModelFailedError: It refused the request for good, or its answer is none: empty, cut off or withheld.
    """
    answer = _asked(model, list(messages), until)
    reason = answer.response_metadata.get("stopReason")
    if reason in NO_ANSWERS:
        raise ModelFailedError(NO_ANSWERS[reason], details={"reason": reason})
    if not answer.tool_calls and not answer.text.strip():
        raise ModelFailedError("The model gave no answer.")
    spent = answer.usage_metadata
    kept = AIMessage(
        content=_storable(_without_calls(answer.content)), tool_calls=_storable(answer.tool_calls), id=answer.id
    )
    return kept, spent["input_tokens"] if spent else 0, spent["output_tokens"] if spent else 0


def _asked(model: Runnable[Any, AIMessage], messages: list[AnyMessage], until: float) -> AIMessage:
    for tries_left in reversed(range(TRIES)):
        try:
            return model.invoke(messages)
        except aws.failures() as error:
            code, _ = aws.error_of(error)
            logger.warning("the model failed", action="model_failed", error_code=code, tries_left=tries_left)
            if code is not None and code not in PASSING:
                raise ModelFailedError(f"The model refused the request: {code}.", details={"reason": code}) from error
            pause = random.uniform(0, PAUSE_SECONDS * 2 ** (TRIES - tries_left))
            in_time = time.monotonic() + pause + ANSWER_SECONDS <= until
            # What was refused at once is asked again soon; a connection that said nothing took its time already.
            if code is None or code in LATE or not tries_left or not in_time:
                raise ModelUnavailableError(details={"reason": code or type(error).__name__}) from error
            time.sleep(pause)
    raise AssertionError("the last try returns or raises")


def _storable(value: Any) -> Any:
    """Return a value without what the database cannot hold: U+0000, and halves of characters."""
    if isinstance(value, str):
        return value.replace("\x00", REPLACEMENT).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_storable(name): _storable(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_storable(one) for one in value]
    return value


def _without_calls(content: Any) -> Any:
    """Return a message's content without the calls, which it has elsewhere too; words alone as words."""
    if isinstance(content, str):
        return content
    blocks = [block for block in content if not (isinstance(block, dict) and block.get("type") == "tool_use")]
    texts = [block if isinstance(block, str) else block.get("text") for block in blocks]
    return "".join(texts) if all(isinstance(text, str) for text in texts) else blocks
