"""What an agent keeps between its steps. It is stored at each super-step, so it stays small."""

import operator
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AnyMessage

# A thread remembers what it was asked before and what came of it, in the words of its last answers.
EARLIER_BRIEFS = 5


class Usage(TypedDict):
    """What the model has cost a run so far."""

    run_id: str
    calls: int
    input_tokens: int
    output_tokens: int


class Waiting(TypedDict):
    """The jobs that the agent sleeps for: until `needed` of them have ended, or `deadline_at` (ISO 8601) passes."""

    call_id: str
    job_ids: list[str]
    mode: str
    needed: int
    deadline_at: str


class Asking(TypedDict):
    """What a person is asked."""

    call_id: str
    question: str
    card_id: str | None
    choices: list[str]


class Earlier(TypedDict):
    """An earlier brief of the thread, and the answer to it."""

    brief: str
    answer: str


class State(TypedDict, total=False):
    """The state of a thread.

    `turn` counts the model's answers to the present brief, `thought_by` is the run that asked for the last of them, and
    `mistakes` counts those in a row that asked for what cannot be done. `jobs` are those that this work has started and
    that are not known to have ended.
    """

    brief: str
    card_id: str | None
    messages: Annotated[list[AnyMessage], operator.add]
    turn: int
    thought_by: str
    mistakes: int
    jobs: list[str]
    waiting: Waiting | None
    asking: Asking | None
    recommendation: dict[str, Any] | None
    answer: str | None
    usage: Usage
    earlier: list[Earlier]
