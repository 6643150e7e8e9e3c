"""Agents are to cost at most 20 percent over plain LangGraph: what our steps add beyond the model and the tools.

Ours is a run from the claim of its step to its end, as run_agent_step does it: claim, graph, each tool call once,
events, end. The peer is the same graph with the same model and tools, compiled once and run by LangGraph itself with
its own checkpointer: no runs, no calls that are done once whatever is repeated. The model answers at once.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from unittest.mock import patch
from uuid import UUID

from langchain_core.messages import AIMessage, BaseMessage, ToolCall
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.runtime import RunControl
from pydantic import PrivateAttr

from bench.results import Result, compare
from callboard.agents import checkpoints, service, steps, toolbox
from callboard.agents.assistants import PRODUCTION
from callboard.agents.graph import build_graph
from callboard.agents.memories import MEMORIES
from callboard.agents.models import NewRun, NewThread
from callboard.agents.nodes import StepContext
from callboard.agents.repository import CallKey
from callboard.agents.toolbox import Done
from callboard.database import Database, connect
from callboard.ids import new_id
from callboard.mcp import registry
from callboard.mcp.registry import ToolContext
from callboard.settings import get_settings
from support.agents import ALICE, PLENTY
from support.model import ScriptedModel, says
from support.model import calls as asks_for
from support.rows import insert_board

GOAL = 1.2
TURNS = 5
CARDS = 10
BRIEF = "Ten pictures of a lamp at dusk"

EXPLAINED = f"""**Agent step**: ours is `steps.take_step` from the claim of a run to its end; the peer is the same
graph, model and tools run by `graph.invoke(..., durability="sync")` with LangGraph's own `PostgresSaver` on a
connection of the same kind, the graph compiled once, each tool called in a transaction. The model answers at once, and
a local process takes what goes to SQS and EventBridge, so that everything else weighs as much as it can. What a tool's
own events cost is in both; what a run's own events cost is in ours: one PutEvents when it begins and one when it ends,
about a fifth of the shortest case. {TURNS} turns and an answer are {2 * TURNS + 3} super-steps."""

type Answers = Callable[[UUID], list[AIMessage]]


def reading(project_id: UUID) -> list[AIMessage]:
    """Answer with some turns that each read the project, and then in words."""
    turn = asks_for(("get_project_memory", {"project_id": str(project_id)}))
    return [*[turn] * TURNS, says("Nothing is missing.")]


def planning(project_id: UUID) -> list[AIMessage]:
    """Answer with a plan of cards, and then in words."""
    cards = [{"title": f"Card {n}", "params": {"prompt": "A lamp at dusk, seen from below"}} for n in range(CARDS)]
    arguments = {"project_id": str(project_id), "title": "Dusk", "cards": cards}
    return [asks_for(("create_activity_with_cards", arguments)), says("It is planned.")]


class TurnsModel(ScriptedModel):
    """Gives the answer of the turn that the messages have come to, so that one graph can run many times."""

    _script: Sequence[AIMessage] = PrivateAttr(default=())

    def __init__(self) -> None:
        super().__init__(answers=[self._of_turn])

    def begin(self, script: Sequence[AIMessage]) -> None:
        """Take the answers of the next run."""
        self._script = script
        self.asked.clear()

    def _of_turn(self, messages: list[BaseMessage]) -> AIMessage:
        return self._script[sum(isinstance(message, AIMessage) for message in messages)]


class Ours:
    """Runs as run_agent_step takes them."""

    def __init__(self, db: Database, answers: Answers) -> None:
        self._db, self._answers = db, answers
        # One for all runs, as `chat_model` makes one for an execution environment.
        self._model = TurnsModel()

    def __call__(self) -> Callable[[], None]:
        """Create a run; return what takes its steps."""
        project_id, _, _ = insert_board(self._db)
        thread = service.create_thread(self._db, ALICE, NewThread(metadata={"project_id": str(project_id)}))
        request = NewRun.model_validate({"assistant_id": "production", "input": {"brief": BRIEF}})
        service.create_run(self._db, ALICE, thread.view.thread_id, request)
        script = self._answers(project_id)
        self._model.begin(script)

        def run() -> None:
            with patch.object(steps, "chat_model", lambda: self._model):
                while (outcome := steps.take_step(self._db, thread.id, PLENTY)) == "handed_on":
                    pass
            assert outcome == "success", outcome
            assert len(self._model.asked) == len(script)

        return run


class Plain:
    """Runs of the same graph by the library alone."""

    def __init__(self, db: Database, answers: Answers) -> None:
        self._db, self._answers = db, answers
        self._model = TurnsModel()
        self._saver = PostgresSaver(db)
        self._graph = build_graph(
            self._model, PRODUCTION.tools, self._saver, prompt=PRODUCTION.prompt, remember=MEMORIES[PRODUCTION.name]
        )

    def __call__(self) -> Callable[[], None]:
        """Name a thread; return what runs the graph in it."""
        project_id, _, _ = insert_board(self._db)
        script = self._answers(project_id)
        self._model.begin(script)
        config = checkpoints.config_of(new_id())
        context = StepContext(
            db=self._db,
            lock=self._saver.lock,
            control=RunControl(),
            caller=ALICE,
            tenant=ALICE.tenant,
            thread_id=new_id(),
            project_id=project_id,
            run_id=new_id(),
            step=1,
            ends_at=time.monotonic() + 3600,
            super_steps=1000,
        )

        def run() -> None:
            with patch.object(toolbox, "carry_out", _carry_out_plainly):
                values = self._graph.invoke(
                    {"brief": BRIEF}, config | {"recursion_limit": 1000}, context=context, durability="sync"
                )
            assert values["answer"] == script[-1].text
            assert len(self._model.asked) == len(script)

        return run


def _carry_out_plainly(context: StepContext, key: CallKey, call: ToolCall) -> Done:
    """Do what a tool does, and nothing so that it is done once."""
    tool_context = ToolContext(caller=context.caller, thread_id=str(context.thread_id))
    with context.lock:
        # What changes something is a transaction of its own.
        result = registry.call(context.db, tool_context, call["name"], call["args"])
    with context.lock:
        registry.follow_up(context.db, result, origin="bench")
    return Done(toolbox.for_model(result.content.model_dump(mode="json")), result.accepted_jobs)


@contextmanager
def _in_one_step() -> Iterator[None]:
    """Let a step do as many super-steps as a run needs."""
    with patch.dict("os.environ", AGENT_SUPER_STEPS="1000"):
        get_settings.cache_clear()
        yield
    get_settings.cache_clear()


def measure(url: str) -> list[Result]:
    """Measure a run that reads in some turns, and one that makes a plan."""
    peer = "plain LangGraph"

    def compared(case: str, answers: Answers, rounds: int, goal: float | None = GOAL) -> Result:
        with connect(url) as db, connect(url) as other:
            return compare(case, peer, Ours(db, answers), Plain(other, answers), rounds=rounds, goal=goal)

    with _in_one_step():
        results = [
            compared(f"agent: {TURNS} turns that read, in one step", reading, 40),
            compared(f"agent: a plan of {CARDS} cards", planning, 80),
        ]
    return [*results, compared(f"agent: {TURNS} turns that read, steps as deployed", reading, 30, None)]
