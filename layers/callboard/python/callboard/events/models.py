"""One class an event. Together they are everything Callboard ever publishes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

SOURCE = "callboard"

type JobStatus = Literal["queued", "processing", "completed", "failed", "cancelled"]


class Frozen(BaseModel):
    """A value that does not change once made."""

    model_config = ConfigDict(frozen=True)


class JobStatusData(Frozen):
    """The job as it was after the change."""

    job_id: UUID
    card_id: UUID
    status: JobStatus
    provider: str
    result_key: str | None
    media_type: str | None
    error_code: str | None
    error_message: str | None
    progress: float | None
    attempt: int
    cancel_requested: bool
    retry_of: UUID | None
    thread_id: str | None
    timestamp: AwareDatetime


class ProjectData(Frozen):
    """The project as it was after the change; after a deletion, as it was last."""

    change: Literal["created", "updated", "deleted"]
    project_id: UUID
    name: str
    description: str


class ActivityData(Frozen):
    """The activity as it was after the change; after a deletion, as it was last."""

    activity_id: UUID
    project_id: UUID
    title: str
    position: int


class CardData(Frozen):
    """The card as it was after the change; after a deletion, as it was last. Its params are read from the API."""

    card_id: UUID
    activity_id: UUID
    project_id: UUID
    title: str
    position: int


class AssetData(Frozen):
    """The approved asset, and the job whose output it replaced."""

    asset_id: UUID
    card_id: UUID
    project_id: UUID
    job_id: UUID
    replaced_job_id: UUID | None
    result_key: str
    media_type: str
    approved_by: str


class AgentRunData(Frozen):
    """The agent's run after the change. One that sleeps says for what; one that asks a person, that it does."""

    thread_id: str
    run_id: str
    assistant_id: str
    status: str
    waiting_for: Literal["jobs", "approval"] | None = None
    error_code: str | None = None


class EventBase(Frozen):
    """What every event says beside its data.

    `context_id` is the card, else the project; `offset` counts a context's events from 1 without a gap.
    """

    event_id: UUID
    version: Literal[1] = 1
    timestamp: AwareDatetime
    project_id: UUID
    card_id: UUID | None
    context_id: UUID
    offset: int = Field(ge=1)
    correlation_id: str


class JobStatusUpdated(EventBase):
    """A job was accepted, moved to another state or reported progress."""

    topic: Literal["job.status.updated"] = "job.status.updated"
    data: JobStatusData


class ProjectUpdated(EventBase):
    """A project was created, changed or deleted."""

    topic: Literal["project.updated"] = "project.updated"
    data: ProjectData


class ActivityCreated(EventBase):
    """An activity was added to a project."""

    topic: Literal["activity.created"] = "activity.created"
    data: ActivityData


class ActivityUpdated(EventBase):
    """An activity was changed or moved."""

    topic: Literal["activity.updated"] = "activity.updated"
    data: ActivityData


class ActivityDeleted(EventBase):
    """An activity was deleted with its cards."""

    topic: Literal["activity.deleted"] = "activity.deleted"
    data: ActivityData


class CardCreated(EventBase):
    """A card was added to an activity."""

    topic: Literal["card.created"] = "card.created"
    data: CardData


class CardUpdated(EventBase):
    """A card was changed or moved."""

    topic: Literal["card.updated"] = "card.updated"
    data: CardData


class CardDeleted(EventBase):
    """A card was deleted with its jobs."""

    topic: Literal["card.deleted"] = "card.deleted"
    data: CardData


class AssetApproved(EventBase):
    """A job's output became its card's approved asset."""

    topic: Literal["asset.approved"] = "asset.approved"
    data: AssetData


class AgentRunUpdated(EventBase):
    """An agent's run moved to another state."""

    topic: Literal["agent.run.updated"] = "agent.run.updated"
    data: AgentRunData


type Event = Annotated[
    JobStatusUpdated
    | ProjectUpdated
    | ActivityCreated
    | ActivityUpdated
    | ActivityDeleted
    | CardCreated
    | CardUpdated
    | CardDeleted
    | AssetApproved
    | AgentRunUpdated,
    Field(discriminator="topic"),
]

EVENT: TypeAdapter[Event] = TypeAdapter(Event)

# The WebSocket message type of a topic is its noun: card.created and card.deleted are both a card_update.
MESSAGE_TYPE_OF_NOUN = {
    "job": "job_update",
    "project": "project_update",
    "activity": "activity_update",
    "card": "card_update",
    "asset": "asset_update",
    "agent": "agent_update",
}


class EventRow(Frozen):
    """A row of the log as the database returns it."""

    id: UUID
    topic: str
    tenant: str
    context_id: UUID
    context_offset: int
    project_id: UUID
    card_id: UUID | None
    correlation_id: str
    payload: dict[str, Any]
    created_at: datetime

    def as_event(self) -> Event:
        """Return the event that this row holds, validated."""
        return EVENT.validate_python(
            {
                "event_id": self.id,
                "topic": self.topic,
                "timestamp": self.created_at,
                "project_id": self.project_id,
                "card_id": self.card_id,
                "context_id": self.context_id,
                "offset": self.context_offset,
                "correlation_id": self.correlation_id,
                "data": self.payload,
            }
        )


@dataclass(frozen=True, slots=True)
class Changed[Result]:
    """What a service changed, and the events that are stored with it but not published yet.

    Inside a larger transaction they are published after its commit, by whoever commits.
    """

    result: Result
    events: list[EventRow]


def message_type(topic: str) -> str:
    """Return the type of the WebSocket message that carries an event of this topic."""
    return MESSAGE_TYPE_OF_NOUN[topic.partition(".")[0]]


class Message(BaseModel):
    """An event as followers receive it, over WebSocket and from the updates routes."""

    type: str
    context_id: UUID
    offset: int
    event_id: UUID
    topic: str
    timestamp: AwareDatetime
    project_id: UUID
    card_id: UUID | None
    correlation_id: str
    data: dict[str, Any]


class Updates(BaseModel):
    """What happened in a context after an offset, in order.

    `offset` is the context's last one. `complete` is false when the log no longer reaches back to where the caller
    was: read the card or project anew. `next_cursor` is the offset to continue after, or null at the end.
    """

    items: list[Message]
    offset: int
    complete: bool
    next_cursor: str | None


class ProjectOffsets(BaseModel):
    """The last offsets of a project and of each of its cards: what a follower starts from."""

    offset: int
    cards: dict[str, int]
