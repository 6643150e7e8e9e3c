"""OpenAI's chat completions: what is asked, and how an answer is written down."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

MODEL = "scripted-planner"
CHARACTERS_PER_TOKEN = 4


class FunctionCall(BaseModel):
    """The name and the arguments of a call, the latter as JSON in a string."""

    model_config = ConfigDict(frozen=True)

    name: str = ""
    arguments: str = "{}"


class ToolCall(BaseModel):
    """A call that an assistant message asked for."""

    model_config = ConfigDict(frozen=True)

    id: str = ""
    function: FunctionCall = FunctionCall()


class Message(BaseModel):
    """A message of the conversation."""

    model_config = ConfigDict(frozen=True)

    role: str
    content: str | list[dict[str, Any]] | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        """The content as one text, whether it came as such or in parts."""
        if isinstance(self.content, list):
            return "\n".join(str(part["text"]) for part in self.content if "text" in part)
        return self.content or ""


class ToolFunction(BaseModel):
    """What a tool is called, and the JSON Schema of its arguments."""

    model_config = ConfigDict(frozen=True)

    name: str
    parameters: dict[str, Any] = Field(default_factory=dict)


class Tool(BaseModel):
    """A tool that may be called."""

    model_config = ConfigDict(frozen=True)

    function: ToolFunction


class ChatRequest(BaseModel):
    """The body of `POST /v1/chat/completions`; what only concerns sampling is ignored."""

    model_config = ConfigDict(frozen=True)

    model: str = MODEL
    messages: list[Message] = Field(min_length=1)
    tools: list[Tool] | None = None
    stream: bool = False

    @property
    def tool_names(self) -> frozenset[str]:
        """The names of the tools that are offered."""
        return frozenset(tool.function.name for tool in self.tools or ())


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call to be made."""

    name: str
    arguments: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The same for two calls that ask for the same."""
        return f"{self.name} {json.dumps(self.arguments, sort_keys=True)}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the assistant says, and the calls it asks for."""

    text: str
    calls: tuple[Call, ...] = ()


def completion(request: ChatRequest, answer: Answer) -> dict[str, Any]:
    """Write an answer down; the same conversation gives the same bytes, ids and all."""
    conversation = json.dumps([message.model_dump(mode="json") for message in request.messages], sort_keys=True)
    digest = hashlib.sha256(conversation.encode("utf-8", "replace")).hexdigest()
    message: dict[str, Any] = {"role": "assistant", "content": answer.text}
    written = answer.text
    if answer.calls:
        message["tool_calls"] = [
            {
                "id": f"call_{digest[:20]}_{number}",
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
            }
            for number, call in enumerate(answer.calls)
        ]
        written += "".join(call.key for call in answer.calls)
    offered = json.dumps([tool.model_dump(mode="json") for tool in request.tools or ()])
    asked, said = _tokens(conversation + offered), _tokens(written)
    return {
        "id": f"chatcmpl-{digest[:24]}",
        "object": "chat.completion",
        # Clients want a time; a real one would make two answers to the same conversation differ.
        "created": 0,
        "model": request.model,
        "choices": [
            {"index": 0, "message": message, "finish_reason": "tool_calls" if answer.calls else "stop"},
        ],
        "usage": {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said},
    }


def _tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN)
