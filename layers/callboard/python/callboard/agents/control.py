"""Tools that steer the agent itself rather than the board; each is the last call of its turn."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from callboard.fields import storable_text

MAX_AWAITED = 200
MAX_CHOICES = 20
DEFAULT_WAIT_SECONDS = 3600
MAX_WAIT_SECONDS = 7 * 24 * 3600


class WaitForJobs(BaseModel):
    """Sleep until generation jobs have ended, and read what became of them.

    By default all jobs that this work has started and that have not ended yet. Sleeping costs nothing; do it rather
    than asking for a job's state again and again.
    """

    model_config = ConfigDict(extra="forbid")

    mode: Literal["all", "any", "quorum"] = Field(
        default="all", description="Sleep until all of the jobs have ended, any one of them, or `quorum` of them."
    )
    quorum: int | None = Field(default=None, ge=1, description="How many, with the mode quorum.")
    job_ids: list[UUID] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_AWAITED,
        description="Which jobs; all that this work started if none.",
    )
    deadline_seconds: int = Field(
        default=DEFAULT_WAIT_SECONDS, ge=1, le=MAX_WAIT_SECONDS, description="Wake at the latest after this time."
    )

    @model_validator(mode="after")
    def _quorum_fits(self) -> "WaitForJobs":
        if (self.mode == "quorum") != (self.quorum is not None):
            raise ValueError("quorum goes with the mode quorum, and with no other")
        return self


class RequestApproval(BaseModel):
    """Ask a person for a decision, and sleep until it is there.

    Say everything in the question that the person needs; give the jobs to choose from as choices.
    """

    model_config = ConfigDict(extra="forbid")

    question: Annotated[str, BeforeValidator(storable_text)] = Field(min_length=1, max_length=2000)
    card_id: UUID | None = Field(default=None, description="The card that the question is about.")
    choices: list[UUID] = Field(
        default_factory=list, max_length=MAX_CHOICES, description="Ids of completed jobs to choose from."
    )


class ApprovalAnswer(BaseModel):
    """A person's answer to a request for approval."""

    model_config = ConfigDict(extra="forbid")

    approved: bool
    choice: UUID | None = Field(default=None, description="One of the offered choices, if there were some.")
    comment: Annotated[str | None, BeforeValidator(storable_text)] = Field(default=None, max_length=4000)


class RecommendCandidate(BaseModel):
    """Recommend one of the card's candidates, and say why; this ends the review."""

    model_config = ConfigDict(extra="forbid")

    job_id: UUID = Field(description="The candidate's job.")
    reason: Annotated[str, BeforeValidator(storable_text)] = Field(min_length=1, max_length=2000)


# Their names as the model calls them.
WAIT_FOR_JOBS = "wait_for_jobs"
REQUEST_APPROVAL = "request_approval"
RECOMMEND_CANDIDATE = "recommend_candidate"

CONTROL_TOOLS: dict[str, type[BaseModel]] = {
    WAIT_FOR_JOBS: WaitForJobs,
    REQUEST_APPROVAL: RequestApproval,
    RECOMMEND_CANDIDATE: RecommendCandidate,
}
