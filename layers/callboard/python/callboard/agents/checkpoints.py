"""Where the state of graphs is stored: LangGraph's own checkpointer and store for PostgreSQL, on our connection."""

from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.store.postgres import PostgresStore

from callboard.crash import crash_point
from callboard.database import Database


class Saver(PostgresSaver):
    """The library's checkpointer, which tests can kill before and after each checkpoint."""

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint."""
        crash_point("run_agent_step.before_checkpoint")
        stored = super().put(config, checkpoint, metadata, new_versions)
        crash_point("run_agent_step.after_checkpoint")
        return stored


def saver(db: Database) -> Saver:
    """Return the checkpointer on this connection.

    It makes no objects of other classes than LangChain's messages and LangGraph's own out of what is stored: whoever
    could write to its tables could otherwise have code run here.
    """
    return Saver(cast(Any, db), serde=JsonPlusSerializer(allowed_msgpack_modules=None))


def store(db: Database) -> PostgresStore:
    """Return the store of values on this connection."""
    return PostgresStore(cast(Any, db))


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
