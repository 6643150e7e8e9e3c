"""Agents as the API shows them: the objects of the LangGraph SDK.

https://github.com/langchain-ai/langgraph/tree/main/libs/sdk-py (langgraph_sdk/schema.py)
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
)

from callboard.events.models import JobStatus
from callboard.fields import Params, storable_params, storable_text

type RunStatus = Literal["pending", "running", "error", "success", "timeout", "interrupted"]
type ThreadStatus = Literal["idle", "busy", "interrupted", "error"]
type MultitaskStrategy = Literal["reject", "enqueue", "interrupt", "rollback"]
type StreamMode = Literal["values", "updates"]

ACTIVE: frozenset[RunStatus] = frozenset({"pending", "running"})
MAX_LIST = 1000
MAX_SEARCH = 100
MAX_AFTER_SECONDS = 30 * 24 * 3600
MAX_BATCH = 20


def _storable(value: JsonValue) -> JsonValue:
    """Refuse what the database cannot store as JSON."""
    storable_params({"value": value})
    return value


type Metadata = Params
type Storable = Annotated[JsonValue, AfterValidator(_storable)]
type Limit = Annotated[int, Field(ge=1, le=MAX_SEARCH)]
type Skip = Annotated[int, Field(ge=0, le=100_000)]
type Brief = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000), BeforeValidator(storable_text)
]
type Question = Annotated[str, StringConstraints(max_length=4000), BeforeValidator(storable_text)]


class SdkRequest(BaseModel):
    """A request of the SDK. What newer clients add is ignored; what they ask for in vain is refused by the service."""

    model_config = ConfigDict(extra="ignore")


class Assistant(BaseModel):
    """An agent that runs can be made with."""

    assistant_id: str
    graph_id: str
    name: str
    description: str
    config: dict[str, Any] = Field(default_factory=dict)
    context: dict[str, Any] = Field(default_factory=dict)
    metadata: dict[str, Any]
    version: int = 1
    created_at: datetime
    updated_at: datetime


class AssistantSearch(SdkRequest):
    """Which assistants are wanted."""

    graph_id: str | None = None
    metadata: Metadata = Field(default_factory=dict)
    name: str | None = None
    limit: Limit = 10
    offset: Skip = 0


class AssistantSchemas(BaseModel):
    """The JSON schemas of an assistant's input, output and state."""

    graph_id: str
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]
    state_schema: dict[str, Any]
    config_schema: dict[str, Any]
    context_schema: dict[str, Any]


class ProductionInput(BaseModel):
    """What the production assistant takes."""

    model_config = ConfigDict(extra="forbid")

    brief: Brief = Field(description="What is to be produced, in words; Markdown is welcome.")
    project_id: UUID | None = Field(default=None, description="The project, if the thread's metadata names none.")


class ReviewInput(BaseModel):
    """What the review assistant takes."""

    model_config = ConfigDict(extra="forbid")

    card_id: UUID = Field(description="The card whose candidates are compared.")
    brief: Question = Field(default="", description="What matters most, in words.")
    project_id: UUID | None = Field(default=None, description="The project, if the thread's metadata names none.")


class NewThread(SdkRequest):
    """A request for a thread. `metadata.project_id` says which project it is about."""

    thread_id: UUID | None = None
    metadata: Metadata = Field(default_factory=dict)
    if_exists: Literal["raise", "do_nothing"] = "raise"
    ttl: JsonValue = None
    supersteps: JsonValue = None


class ThreadChange(SdkRequest):
    """A change of a thread: these keys of its metadata are set, the others stay."""

    metadata: Metadata = Field(default_factory=dict)
    ttl: JsonValue = None


class ThreadSearch(SdkRequest):
    """Which threads are wanted."""

    metadata: Metadata = Field(default_factory=dict)
    values: dict[str, JsonValue] = Field(default_factory=dict)
    ids: list[UUID] | None = Field(default=None, max_length=MAX_SEARCH)
    status: ThreadStatus | None = None
    limit: Limit = 10
    offset: Skip = 0
    sort_by: Literal["thread_id", "status", "created_at", "updated_at", "state_updated_at"] = "created_at"
    sort_order: Literal["asc", "desc"] = "desc"


class Thread(BaseModel):
    """A conversation about a project. `interrupts` holds what a person is asked, by task."""

    thread_id: UUID
    created_at: datetime
    updated_at: datetime
    metadata: dict[str, Any]
    status: ThreadStatus
    config: dict[str, Any] = Field(default_factory=dict)
    values: dict[str, Any] | None = None
    interrupts: dict[str, list[dict[str, Any]]]


class RunCommand(SdkRequest):
    """What a run is to do instead of beginning anew."""

    resume: Storable = None
    update: JsonValue = None
    goto: JsonValue = None


class NewRun(SdkRequest):
    """A request for a run."""

    assistant_id: str = Field(min_length=1, max_length=100)
    input: Params | None = None
    command: RunCommand | None = None
    metadata: Metadata = Field(default_factory=dict)
    config: Params = Field(default_factory=dict)
    context: Params = Field(default_factory=dict)
    multitask_strategy: MultitaskStrategy = "enqueue"
    if_not_exists: Literal["create", "reject"] = "reject"
    after_seconds: float | None = Field(default=None, ge=0, le=MAX_AFTER_SECONDS)
    stream_mode: str | list[str] = "values"
    on_completion: Literal["delete", "keep"] | None = None
    checkpoint: JsonValue = None
    checkpoint_id: str | None = None
    interrupt_before: JsonValue = None
    interrupt_after: JsonValue = None
    webhook: str | None = None
    langsmith_tracer: JsonValue = None


class BatchedRun(NewRun):
    """A request for one of several runs: in this thread, or in one of its own."""

    thread_id: UUID | None = None


class Run(BaseModel):  # type: ignore[no-redef]  # the SDK has a field kwargs, which the plugin takes for its own
    """A piece of work of an assistant in a thread."""

    run_id: UUID
    thread_id: UUID
    assistant_id: str
    created_at: datetime
    updated_at: datetime
    status: RunStatus
    metadata: dict[str, Any]
    kwargs: dict[str, Any]
    multitask_strategy: MultitaskStrategy
    usage: dict[str, int] = Field(default_factory=dict)
    error: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class StoredThread:
    """A thread with what only we know of it: its id in the checkpointer's tables, and its project."""

    id: UUID
    project_id: UUID | None
    view: Thread


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run with what it was asked."""

    view: Run
    input: dict[str, Any] | None
    command: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Runs that were cancelled, and threads that go on with another one (by their internal ids)."""

    run_ids: list[UUID]
    to_go_on: list[UUID]


class RunsToCancel(SdkRequest):
    """Which runs are to be cancelled: these of a thread, or all of a status."""

    thread_id: UUID | None = None
    run_ids: list[UUID] | None = Field(default=None, max_length=MAX_SEARCH)
    status: Literal["pending", "running", "all"] | None = None


class StateUpdate(SdkRequest):
    """A change of a thread's state from outside, as if a node had made it."""

    values: Params | None = None
    as_node: str | None = Field(default=None, max_length=100)
    checkpoint: dict[str, JsonValue] | None = None
    checkpoint_id: str | None = Field(default=None, max_length=100)


class CheckpointRequest(SdkRequest):
    """Which checkpoint's state is wanted."""

    checkpoint: dict[str, JsonValue]
    subgraphs: bool = False


class HistoryRequest(SdkRequest):
    """Which states of a thread are wanted, newest first."""

    limit: Annotated[int, Field(ge=1, le=MAX_LIST)] = 10
    before: str | dict[str, JsonValue] | None = None
    metadata: Metadata = Field(default_factory=dict)
    checkpoint: dict[str, JsonValue] | None = None


class Checkpoint(BaseModel):
    """Where a state is stored."""

    thread_id: UUID
    checkpoint_ns: str = ""
    checkpoint_id: str | None
    checkpoint_map: dict[str, Any] | None = None


class ThreadState(BaseModel):
    """A thread's state at one checkpoint."""

    values: dict[str, Any]
    next: list[str]
    tasks: list[dict[str, Any]]
    checkpoint: Checkpoint
    metadata: dict[str, Any]
    created_at: str | None
    parent_checkpoint: Checkpoint | None
    interrupts: list[dict[str, Any]]


class StateUpdated(BaseModel):
    """Where an update from outside was stored."""

    checkpoint: Checkpoint


class AwaitedJob(BaseModel):
    """What an agent learns of a job that it waited for."""

    model_config = ConfigDict(frozen=True)

    job_id: UUID
    card_id: UUID
    status: JobStatus
    error_code: str | None
    error_message: str | None

    @property
    def has_ended(self) -> bool:
        """Return whether the job is in a terminal state."""
        return self.status not in {"queued", "processing"}


# The library joins them with dots.
type Label = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^.]+$"), BeforeValidator(storable_text)
]
type Namespace = Annotated[list[Label], Field(max_length=10)]
type ItemName = Annotated[str, StringConstraints(min_length=1, max_length=400), BeforeValidator(storable_text)]


class NewItem(SdkRequest):
    """A value to remember under a namespace and key."""

    namespace: Namespace = Field(min_length=1)
    key: ItemName
    value: Params
    index: JsonValue = None
    ttl: JsonValue = None


class ItemKey(SdkRequest):
    """Which item is meant."""

    namespace: Namespace = Field(default_factory=list)
    key: ItemName


class ItemSearch(SdkRequest):
    """Which items are wanted."""

    namespace_prefix: Namespace = Field(default_factory=list)
    filter: Params | None = None
    limit: Limit = 10
    offset: Skip = 0
    query: str | None = None


class NamespaceSearch(SdkRequest):
    """Which namespaces are wanted."""

    prefix: Namespace | None = None
    suffix: Namespace | None = None
    max_depth: int | None = Field(default=None, ge=1, le=10)
    limit: Limit = 100
    offset: Skip = 0


class Item(BaseModel):
    """A value in the store."""

    namespace: list[str]
    key: str
    value: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class Items(BaseModel):
    """A page of values in the store."""

    items: list[Item]
