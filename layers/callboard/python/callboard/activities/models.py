"""Activities as the API shows them."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from callboard.cards.models import Card, NewCard
from callboard.fields import Change, Position, Title, omitted

MAX_CARDS = 100


class NewActivity(BaseModel):
    """A request for an activity with its cards: all are created, or nothing."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "title": "Key visuals",
                "cards": [{"title": "The storm", "params": {"prompt": "A lighthouse in a storm at night"}}],
            }
        },
    )

    title: Title
    position: Position | None = Field(
        default=None, description="Its place among its project's activities, from 0; the last if none."
    )
    cards: list[NewCard] = Field(
        default_factory=list,
        max_length=MAX_CARDS,
        description="Placed one after another, as if each were created on its own.",
    )


class ActivityChange(Change):
    """A change of an activity; what the request left out is None."""

    title: Title = Field(default_factory=omitted)
    position: Position = Field(
        default_factory=omitted, description="Its new place; the activities in between make room."
    )


class Activity(BaseModel):
    """A part of a project, with its cards by position."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    project_id: UUID
    title: str
    position: int
    cards: list[Card]
    created_at: datetime
    updated_at: datetime
