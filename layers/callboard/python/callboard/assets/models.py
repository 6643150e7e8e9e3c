"""Approved assets as the API shows them."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Approval(BaseModel):
    """A request to make a job's output the asset of its card."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"job_id": "0198f2a0-0000-7000-8000-000000000001"}}
    )

    job_id: UUID


class Replaced(BaseModel):
    """The asset that a card had before."""

    id: UUID
    job_id: UUID


class StoredAsset(BaseModel):
    """An approved asset as it is stored."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    project_id: UUID
    card_id: UUID
    job_id: UUID
    object_key: str
    media_type: str
    approved_by: str
    created_at: datetime


class Asset(BaseModel):
    """The chosen result of a card; `url` is good until `url_expires_at`."""

    id: UUID
    project_id: UUID
    card_id: UUID
    job_id: UUID
    url: str
    url_expires_at: datetime
    media_type: str
    approved_by: str
    created_at: datetime


class ApprovedAsset(Asset):
    """The answer to an approval: the asset, and the one that it replaced."""

    replaced: Replaced | None


class Picture(BaseModel):
    """An approved picture, and what it is called on the board."""

    model_config = ConfigDict(frozen=True)

    object_key: str
    title: str
    section: str


class ProjectPictures(BaseModel):
    """The approved pictures of a project in the order of the board; of `total` ones the first."""

    name: str
    total: int
    pictures: list[Picture]
