"""Task cards as the API shows them."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from callboard.fields import Change, Params, Position, Title, omitted

type CardStatus = Literal["planned", "generating", "review", "approved", "failed"]


class NewCard(BaseModel):
    """A request for a card."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"title": "The storm", "params": {"prompt": "A lighthouse in a storm at night"}}},
    )

    title: Title
    params: Params = Field(default_factory=dict, description="What a job of the card may start from.")
    position: Position | None = Field(
        default=None, description="Its place among its activity's cards, from 0; the last if none."
    )


class CardChange(Change):
    """A change of a card; what the request left out is None."""

    title: Title = Field(default_factory=omitted)
    params: Params = Field(default_factory=omitted)
    position: Position = Field(default_factory=omitted, description="Its new place; the cards in between make room.")
    activity_id: UUID = Field(
        default_factory=omitted, description="Another activity of its project; there it is the last, or at `position`."
    )


class Card(BaseModel):
    """Something to be made.

    `status` follows from its jobs: approved (it has an approved asset), generating (a job has not ended), review (a
    job has completed), failed (the newest job failed), else planned. `offset` counts its events.
    """

    model_config = ConfigDict(frozen=True)

    id: UUID
    activity_id: UUID
    project_id: UUID
    title: str
    params: dict[str, Any]
    status: CardStatus
    position: int
    offset: int
    approved_asset_id: UUID | None
    created_at: datetime
    updated_at: datetime


class CandidateJob(BaseModel):
    """A completed job of a card, as it is stored."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    card_id: UUID
    provider: str
    params: dict[str, Any]
    media_type: str | None
    result_url: str
    approved: bool
    created_at: datetime
    completed_at: datetime


class Candidate(BaseModel):
    """A result that may become the card's approved asset; `result_url` is good until `result_url_expires_at`."""

    job_id: UUID
    card_id: UUID
    provider: str
    params: dict[str, Any]
    media_type: str | None
    result_url: str
    result_url_expires_at: datetime
    approved: bool
    created_at: datetime
    completed_at: datetime
