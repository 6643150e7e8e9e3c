"""A chat model that says what a test tells it."""

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from pydantic import PrivateAttr

type Answer = AIMessage | Exception | Callable[[list[BaseMessage]], AIMessage]


class ScriptedModel(BaseChatModel):
    """Gives its answers one after another, and remembers what it was asked; the last one for ever."""

    answers: list[Any]
    _asked: list[list[BaseMessage]] = PrivateAttr(default_factory=list)
    _tools: list[dict[str, Any]] = PrivateAttr(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    @property
    def asked(self) -> list[list[BaseMessage]]:
        """What it was asked, call by call."""
        return self._asked

    @property
    def tools(self) -> list[dict[str, Any]]:
        """The tools that it was offered."""
        return self._tools

    def bind_tools(self, tools: Sequence[Any], **options: Any) -> Runnable[Any, AIMessage]:
        """Remember the tools."""
        self._tools = list(tools)
        return self

    def _generate(self, messages: list[BaseMessage], *arguments: Any, **options: Any) -> ChatResult:
        answer = self.answers[min(len(self._asked), len(self.answers) - 1)]
        self._asked.append(list(messages))
        if isinstance(answer, Exception):
            raise answer
        message = answer if isinstance(answer, AIMessage) else answer(messages)
        return ChatResult(generations=[ChatGeneration(message=message)])


def says(text: str) -> AIMessage:
    """Answer in words, which ends the work."""
    return AIMessage(text, usage_metadata={"input_tokens": 10, "output_tokens": 5, "total_tokens": 15})


def calls(*wanted: tuple[str, dict[str, Any]]) -> AIMessage:
    """Ask for tools."""
    return AIMessage(
        "",
        tool_calls=[
            {"name": name, "args": arguments, "id": f"call-{number}"}
            for number, (name, arguments) in enumerate(wanted, start=1)
        ],
        usage_metadata={"input_tokens": 10, "output_tokens": 5, "total_tokens": 15},
    )
