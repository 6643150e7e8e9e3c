"""Where the state of graphs is stored: LangGraph's own checkpointer and store for PostgreSQL, on our connection."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from langchain_core.runnables import RunnableConfig
from langgraph._internal._constants import INTERRUPT, NULL_TASK_ID
from langgraph.checkpoint.base import WRITES_IDX_MAP, ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.store.postgres import PostgresStore

from callboard.agents.errors import StepSupersededError
from callboard.agents.repository import FENCE
from callboard.crash import crash_point
from callboard.database import FENCE_ERRORS, Database

if TYPE_CHECKING:
    from psycopg import Cursor
    from psycopg.rows import DictRow


class Saver(PostgresSaver):
    """The library's checkpointer, for graphs whose nodes run one at a time.

    With a `fence`, it stores only as long as that step of a run counts: what a step that was cancelled or taken over
    still thinks would else become the thread's newest state. Tests can kill it before and after each checkpoint.
    """

    fence: tuple[UUID, int] | None = None

    @contextmanager
    def _cursor(self, *, pipeline: bool = False) -> "Iterator[Cursor[DictRow]]":
        # What the library stores goes out in one pipeline, which is one transaction: the fence goes first in it.
        with super()._cursor(pipeline=pipeline) as cursor:
            if pipeline and self.fence is not None:
                run_id, step = self.fence
                cursor.execute(FENCE, {"run_id": run_id, "step": step})
            yield cursor

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what is no part of the next checkpoint: interrupts, errors, the answer that a run brings.

        What a node changed is: its checkpoint follows at once, and to store it before would only spare other nodes of
        the same super-step, which there are none of.
        """
        # What a node that was resumed changed comes with the answer that it got, which is not to be kept either: should
        # the checkpoint not follow, the question stands, and another answer counts.
        if task_id == NULL_TASK_ID or all(write[0] in WRITES_IDX_MAP for write in writes):
            with _fenced():
                super().put_writes(config, writes, task_id, task_path)

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint."""
        crash_point("run_agent_step.before_checkpoint")
        with _fenced():
            stored = super().put(config, checkpoint, metadata, new_versions)
        crash_point("run_agent_step.after_checkpoint")
        return stored


@contextmanager
def _fenced() -> Iterator[None]:
    try:
        yield
    except FENCE_ERRORS as error:
        raise StepSupersededError from error


def saver(db: Database) -> Saver:
    """Return the checkpointer on this connection.

    It makes no objects of other classes than LangChain's messages and LangGraph's own out of what is stored: whoever
    could write to its tables could otherwise have code run here.
    """
    return Saver(cast(Any, db), serde=JsonPlusSerializer(allowed_msgpack_modules=None))


def store(db: Database) -> PostgresStore:
    """Return the store of values on this connection."""
    return PostgresStore(cast(Any, db))


def interrupts_in(stored: CheckpointTuple) -> set[str]:
    """Return the ids of the interrupts that a checkpoint waits for."""
    return {one.id for _, channel, value in stored.pending_writes or () if channel == INTERRUPT for one in value}


def set_up(db: Database) -> None:
    """Make or bring up to date the tables of the checkpointer and the store. For migrations only."""
    saver(db).setup()
    store(db).setup()


def config_of(thread: Any, run_id: Any = None, checkpoint_id: str | None = None) -> RunnableConfig:
    """Return what names a thread, and perhaps the run at work or one of its checkpoints, to the library."""
    configurable: dict[str, Any] = {"thread_id": str(thread), "checkpoint_ns": ""}
    if run_id is not None:
        configurable["run_id"] = str(run_id)
    if checkpoint_id is not None:
        configurable["checkpoint_id"] = checkpoint_id
    return {"configurable": configurable}
