"""Tickets, connections, and the messages that clients send."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

# API Gateway cuts messages into frames of this size; larger ones cost several.
MAX_MESSAGE_BYTES = 32 * 1024

type MessageId = Annotated[str, Field(max_length=64)]
type Offset = Annotated[int, Field(strict=True, ge=0, le=2**53)]


class Ticket(BaseModel):
    """What opens one WebSocket connection, once, within `expires_in` seconds: `url?ticket=...`."""

    ticket: str
    url: str
    expires_in: int


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Since(_Request):
    """What a client has seen: of the context itself and, for a project, of its cards."""

    offset: Offset
    cards: dict[UUID, Offset] = Field(default_factory=dict, max_length=5000)


class Subscribe(_Request):
    """Follow a card, or a project with all its cards; with `since`, get what was missed first."""

    type: Literal["subscribe"]
    id: MessageId | None = None
    context_id: UUID
    since: Since | None = None


class Unsubscribe(_Request):
    """Stop following a card or project."""

    type: Literal["unsubscribe"]
    id: MessageId | None = None
    context_id: UUID


class Ping(_Request):
    """Keep the connection alive."""

    type: Literal["ping"]
    id: MessageId | None = None


type Request = Annotated[Subscribe | Unsubscribe | Ping, Field(discriminator="type")]
REQUEST: TypeAdapter[Request] = TypeAdapter(Request)


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a ticket or a connection belongs to, and the correlation id of the request that asked for the ticket."""

    tenant: str
    user_id: str
    user_name: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class KeptTicket:
    """A ticket as it is kept; `expires_at` is in epoch seconds."""

    holder: Holder
    expires_at: int


@dataclass(frozen=True, slots=True)
class Connection:
    """An open connection: whose it is and what it follows; `expires_at` is in epoch seconds."""

    id: str
    holder: Holder
    connected_at: datetime
    expires_at: int
    contexts: frozenset[UUID] = field(default_factory=frozenset)
