"""Projects as the API shows them."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from callboard.activities.models import Activity
from callboard.assets.models import Asset
from callboard.fields import Change, Description, Title, omitted
from callboard.jobs.models import JobView

# How many of its newest jobs a project's memory holds.
MEMORY_JOBS = 50


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


class ProjectMemory(BaseModel):
    """What is known of a project at one moment: all that somebody needs who is to work on it.

    Activities and their cards are by position, approved assets and the newest jobs newest first.
    """

    project: Project
    activities: list[Activity]
    approved_assets: list[Asset]
    recent_jobs: list[JobView]
