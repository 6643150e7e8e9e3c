"""Runs of agents in a test: their threads, their steps, and the jobs that they wait for."""

from dataclasses import dataclass
from typing import Any
from unittest.mock import patch
from uuid import UUID

from callboard.agents import checkpoints, service, steps, waking
from callboard.agents.models import NewRun, NewThread, Run, StoredThread
from callboard.agents.steps import Outcome
from callboard.database import Database
from callboard.identity import Caller
from support.aws import FakeCloud
from support.board import Board
from support.model import ScriptedModel, calls, says
from support.rows import insert_job

ALICE = Caller(tenant="alice", user_id="user-alice", user_name="alice")
BOB = Caller(tenant="bob", user_id="user-bob", user_name="bob")
PLENTY = 120.0
WAIT: tuple[str, dict[str, Any]] = ("wait_for_jobs", {})


@dataclass
class Agent:
    """A thread about a project, and a model that thinks in it."""

    db: Database
    cloud: FakeCloud
    thread: StoredThread
    model: ScriptedModel

    @property
    def thread_id(self) -> UUID:
        """The id that callers know."""
        return self.thread.view.thread_id

    def start(self, brief: str = "A lamp", **fields: Any) -> Run:
        """Begin a run."""
        request = NewRun.model_validate({"assistant_id": "production", "input": {"brief": brief}} | fields)
        return service.create_run(self.db, ALICE, self.thread_id, request).result[1]

    def step(self, seconds_left: float = PLENTY) -> Outcome:
        """Take one step."""
        with patch.object(steps, "chat_model", lambda: self.model):
            return steps.take_step(self.db, self.thread.id, seconds_left)

    def steps(self, at_most: int = 50) -> list[Outcome]:
        """Take steps until there is nothing to do; return how each ended."""
        outcomes: list[Outcome] = []
        while (outcome := self.step()) != "nothing":
            outcomes.append(outcome)
            assert len(outcomes) < at_most, outcomes
        return outcomes

    def run(self, run_id: UUID) -> Run:
        """Read a run."""
        return service.find_run(self.db, ALICE, self.thread_id, run_id).view

    def end_jobs(self, status: str = "completed") -> list[UUID]:
        """Let all live jobs of the tenant end; return their ids."""
        done = {
            "completed": "result_url = 'outputs/' || id, media_type = 'image/png'",
            "failed": "error_code = 'provider_rejected', error_message = 'No.'",
            "cancelled": "cancel_requested = true",
        }[status]
        rows = self.db.execute(
            f"UPDATE generation_jobs SET status = '{status}', completed_at = now(), {done}"
            " WHERE status IN ('queued', 'processing') RETURNING id".encode()
        )
        return [row["id"] for row in rows]

    def state(self) -> dict[str, Any]:
        """Read the state that is stored."""
        stored = checkpoints.saver(self.db).get_tuple(checkpoints.config_of(self.thread.id))
        assert stored is not None
        values: dict[str, Any] = stored.checkpoint["channel_values"]
        return values

    def wake(self, job_ids: list[UUID]) -> int:
        """Say that jobs have ended, as wake_agent hears it; return how many runs that woke."""
        return waking.wake_for_jobs(self.db, job_ids)


def make_agent(db: Database, cloud: FakeCloud, project_id: UUID, *answers: Any) -> Agent:
    """Make a thread of alice's about a project, with a model that gives these answers."""
    request = NewThread(metadata={"project_id": str(project_id)})
    return Agent(db, cloud, service.create_thread(db, ALICE, request), ScriptedModel(answers=list(answers)))


def plan(board: Board, *, title: str = "Dusk", candidates: int = 1, cards: int = 1) -> tuple[str, dict[str, Any]]:
    """Return the call that makes an activity with cards and starts their jobs."""
    arguments = {
        "project_id": str(board.project_id),
        "title": title,
        "cards": [
            {"title": f"Card {n}", "params": {"prompt": "A lamp"}, "candidates": candidates} for n in range(cards)
        ],
    }
    return "create_activity_with_cards", arguments


def ask(card_id: UUID, choices: list[UUID]) -> tuple[str, dict[str, Any]]:
    """Return the call that asks a person for a choice."""
    question = {"question": "Which one?", "card_id": str(card_id), "choices": [str(one) for one in choices]}
    return "request_approval", question


def asking(db: Database, cloud: FakeCloud, board: Board) -> Agent:
    """Return an agent that has asked a person."""
    choices = [insert_job(db, board.card_id, status="completed")]
    agent = make_agent(db, cloud, board.project_id, calls(ask(board.card_id, choices)), says("Thanks."))
    agent.start()
    assert agent.steps() == ["asking"]
    return agent
