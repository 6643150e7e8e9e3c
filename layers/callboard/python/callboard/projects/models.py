"""Projects as the API shows them."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from callboard.fields import Change, Description, Title, omitted


class NewProject(BaseModel):
    """A request for a project."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"name": "The Lighthouse Keeper, teaser"}})

    name: Title
    description: Description = ""


class ProjectChange(Change):
    """A change of a project; what the request left out is None."""

    name: Title = Field(default_factory=omitted)
    description: Description = Field(default_factory=omitted)


class Project(BaseModel):
    """A production: what its activities and cards belong to."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    name: str
    description: str
    created_at: datetime
    updated_at: datetime
