"""The language model: Bedrock's Converse API through LangChain, chosen by settings."""

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


def ask(model: Runnable[Any, AIMessage], messages: Sequence[AnyMessage]) -> tuple[AIMessage, int, int]:
    """Ask the model; return its answer without what nobody reads, and the tokens that went in and came out.

    Raises:
        ModelUnavailableError: It does not answer at the moment.
        ModelFailedError: It refused the request for good, or the answer holds neither words nor calls.
    """
    try:
        answer = model.invoke(list(messages))
    except aws.failures() as error:
        code = _error_code(error)
        logger.warning("the model failed", action="model_failed", error_code=code)
        if code is None or code in PASSING:
            raise ModelUnavailableError(details={"reason": code or type(error).__name__}) from error
        raise ModelFailedError(f"The model refused the request: {code}.", details={"reason": code}) from error
    if not answer.tool_calls and not answer.text.strip():
        raise ModelFailedError("The model gave no answer.")
    spent = answer.usage_metadata
    kept = AIMessage(content=_without_calls(answer.content), tool_calls=answer.tool_calls, id=answer.id)
    return kept, spent["input_tokens"] if spent else 0, spent["output_tokens"] if spent else 0


def _without_calls(content: Any) -> Any:
    """Return a message's content without the calls, which it has elsewhere too; words alone as words."""
    if isinstance(content, str):
        return content
    blocks = [block for block in content if not (isinstance(block, dict) and block.get("type") == "tool_use")]
    texts = [block if isinstance(block, str) else block.get("text") for block in blocks]
    return "".join(texts) if all(isinstance(text, str) for text in texts) else blocks


def _error_code(error: Exception) -> str | None:
    response: Any = getattr(error, "response", None)
    return response["Error"]["Code"] if isinstance(response, dict) and "Error" in response else None
