"""Jobs as the API shows them, and the table of states."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from callboard.events.models import JobStatus
from callboard.fields import Params, storable_text

type OnUnknown = Literal["fail", "resubmit"]
ProviderName = Annotated[str, Field(max_length=63), BeforeValidator(storable_text)]

TERMINAL: frozenset[JobStatus] = frozenset({"completed", "failed", "cancelled"})
LIVE: frozenset[JobStatus] = frozenset({"queued", "processing"})

# `processing -> queued` is another attempt by policy; whoever asks for a retry of an ended job gets a new job.
MOVES: dict[JobStatus, frozenset[JobStatus]] = {
    "queued": frozenset({"processing", "cancelled", "failed"}),
    "processing": frozenset({"completed", "failed", "cancelled", "queued"}),
    "completed": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
}

MAX_BATCH = 100


class NewJob(BaseModel):
    """A request for one generation."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "card_id": "0198f2a0-0000-7000-8000-000000000001",
                "params": {"prompt": "A lighthouse in a storm at night"},
            }
        },
    )

    card_id: UUID
    params: Params = Field(description='What the service is asked for, for pictures {"prompt": ...}.')
    provider: ProviderName | None = Field(default=None, description="A configured service; the default one if none.")
    priority: int = Field(default=0, ge=-100, le=100, description="Higher first, among the jobs of one tenant.")
    run_after: AwareDatetime | None = Field(default=None, description="Not to be started before this time.")
    deadline_seconds: int | None = Field(default=None, ge=1, le=7 * 24 * 3600, description="From now to a certain end.")
    on_unknown: OnUnknown = Field(
        default="fail", description="What to do when a submission's answer is lost: fail, or submit again."
    )
    callback_url: str | None = Field(default=None, max_length=2048, description="Not offered yet.")


class NewJobs(BaseModel):
    """A request for many generations: all are accepted, or none."""

    model_config = ConfigDict(extra="forbid")

    jobs: list[NewJob] = Field(min_length=1, max_length=MAX_BATCH)


class AcceptedJob(BaseModel):
    """The answer to an accepted job."""

    job_id: UUID
    status: JobStatus = "queued"
    message: str = "Job created and queued for processing"
    retry_of: UUID | None = None


class AcceptedJobs(BaseModel):
    """The answer to an accepted batch, in the request's order."""

    jobs: list[AcceptedJob]


class Job(BaseModel):
    """A job as it is stored."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    tenant: str
    project_id: UUID
    card_id: UUID
    provider: str
    status: JobStatus
    params: dict[str, Any]
    priority: int
    run_after: datetime
    deadline_at: datetime
    on_unknown: OnUnknown
    attempt: int
    failures: int
    progress: float | None
    cancel_requested: bool
    retry_of: UUID | None
    result_url: str | None
    media_type: str | None
    error_code: str | None
    error_message: str | None
    thread_id: str | None
    correlation_id: str
    created_by: str
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None


class JobView(BaseModel):
    """A job as the API shows it; `result_url` is good until `result_url_expires_at`."""

    job_id: UUID
    card_id: UUID
    project_id: UUID
    status: JobStatus
    provider: str
    params: dict[str, Any]
    priority: int
    run_after: datetime
    result_url: str | None
    result_url_expires_at: datetime | None
    media_type: str | None
    error_code: str | None
    error_message: str | None
    attempt: int
    progress: float | None
    cancel_requested: bool
    retry_of: UUID | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    deadline_at: datetime


class JobFilter(BaseModel):
    """Which jobs a list holds."""

    card_id: UUID | None = None
    project_id: UUID | None = None
    status: JobStatus | None = None


class WaitReason(BaseModel):
    """One thing that holds a job back."""

    code: Literal[
        "provider_disabled",
        "provider_paused",
        "provider_limit",
        "tenant_limit",
        "run_after",
        "queue_place",
        "about_to_start",
        "running",
        "submission_unknown",
        "cancel_requested",
        "ended",
    ]
    message: str
    until: datetime | None = None


class Explanation(BaseModel):
    """Why a job is where it is. `place` counts from 1 among the tenant's waiting jobs at the provider."""

    job_id: UUID
    status: JobStatus
    waiting: bool
    place: int | None
    reasons: list[WaitReason]


class StatusReport(BaseModel):
    """What a cloud service says of a job."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["processing", "completed", "failed", "cancelled"]
    result_url: str | None = Field(default=None, max_length=4096)
    error_message: str | None = Field(default=None, max_length=4000)
    progress: float | None = Field(default=None, ge=0, le=1)


class ReportReceipt(BaseModel):
    """The answer to a status report or callback."""

    accepted: bool = True
    duplicate: bool = False
