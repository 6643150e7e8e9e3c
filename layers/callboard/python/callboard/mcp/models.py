"""What the built-in tools take and answer, which models read; and tools that other services register."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    RootModel,
    StringConstraints,
    model_validator,
)

from callboard.activities.models import MAX_CARDS, Activity
from callboard.cards.models import CardChange
from callboard.events.models import JobStatus
from callboard.fields import Params, Position, Title, omitted, storable_params, storable_text
from callboard.jobs.models import MAX_BATCH, OnUnknown, ProviderName
from callboard.pagination import DEFAULT_LIMIT, Limit

MAX_CANDIDATES = 8
# What MCP clients and models of all makers take.
TOOL_NAME = r"[a-z][a-z0-9_]{0,63}"
MAX_TOOLS = 64
MAX_TOOL_DESCRIPTION = 4000


class Arguments(BaseModel):
    """What a tool takes: a name that it does not know is a mistake, not a wish to be ignored."""

    model_config = ConfigDict(extra="forbid")


class ProjectArguments(Arguments):
    """Names a project."""

    project_id: UUID = Field(description="The project's id.")


class JobArguments(Arguments):
    """Names a job."""

    job_id: UUID = Field(description="The job's id.")


class PlannedCard(Arguments):
    """A card to be created, and how many candidates are to be generated for it at once."""

    title: Title = Field(
        description="What is to be made, in a few words; unique within the activity, to be told apart."
    )
    params: Params = Field(
        default_factory=dict,
        description='What the service is asked for. For a picture {"prompt": "..."}: the whole description, since '
        "the service sees nothing else. Other members, such as an integer seed, are passed on.",
    )
    position: Position | None = Field(
        default=None, description="Its place among the activity's cards, from 0; after those before it if left out."
    )
    candidates: int = Field(
        default=0,
        ge=0,
        le=MAX_CANDIDATES,
        description="How many results to generate right away. Each is a job with the card's params and a seed of its "
        "own, counted up from the card's seed, or from 0.",
    )

    @property
    def candidate_params(self) -> list[dict[str, JsonValue]]:
        """The params of each wanted candidate, in order."""
        seed = self.params.get("seed")
        first = seed if isinstance(seed, int) and not isinstance(seed, bool) else 0
        return [self.params | {"seed": first + number} for number in range(self.candidates)]

    @model_validator(mode="after")
    def _candidates_storable(self) -> Self:
        for params in self.candidate_params:
            storable_params(params)
        return self


class PlannedActivity(ProjectArguments):
    """An activity to be created with its cards and their first candidates."""

    title: Title = Field(description="What the cards have in common, for example a sequence or a kind of picture.")
    position: Position | None = Field(
        default=None, description="Its place among the project's activities, from 0; the last if left out."
    )
    cards: list[PlannedCard] = Field(
        max_length=MAX_CARDS, description=f"At most {MAX_CARDS} cards, with at most {MAX_BATCH} candidates in all."
    )

    @model_validator(mode="after")
    def _candidates_in_one_batch(self) -> Self:
        wanted = sum(card.candidates for card in self.cards)
        if wanted > MAX_BATCH:
            raise ValueError(f"must not ask for more than {MAX_BATCH} candidates in all, not {wanted}")
        return self


class ChangedCard(CardChange):
    """A change of a card: what is named is changed, the rest stays."""

    card_id: UUID = Field(description="The card to change.")
    title: Title = Field(default_factory=omitted, description="Its new title.")
    params: Params = Field(default_factory=omitted, description="Its new params; they replace the old ones as a whole.")

    @model_validator(mode="after")
    def _names_a_change(self) -> Self:
        if self.model_fields_set == {"card_id"}:
            raise ValueError("must name at least one field to change beside card_id")
        return self


class WantedJob(Arguments):
    """A job to be created: as over HTTP, without what only HTTP clients need."""

    card_id: UUID = Field(description="The card that the result is for.")
    params: Params = Field(
        description='What the service is asked for, for a picture {"prompt": "..."}. The card\'s own params are not '
        "added: pass all that counts. An integer seed of its own makes the result differ from others."
    )
    provider: ProviderName | None = Field(
        default=None, description="A configured service by name; the default one if left out."
    )
    priority: int = Field(default=0, ge=-100, le=100, description="Higher starts first, among the tenant's jobs.")
    run_after: AwareDatetime | None = Field(
        default=None, description="Not to be started before this time (ISO 8601 with offset)."
    )
    deadline_seconds: int | None = Field(
        default=None, ge=1, le=7 * 24 * 3600, description="The job ends by then, failed if need be."
    )
    on_unknown: OnUnknown = Field(
        default="fail",
        description="What to do when it stays unknown whether the service took the job: fail, or submit it again.",
    )


class CandidateArguments(Arguments):
    """Names a page of a card's candidates."""

    card_id: UUID = Field(description="The card's id.")
    limit: Limit = Field(default=DEFAULT_LIMIT, description="How many at most.")
    cursor: str | None = Field(default=None, description="The next_cursor of the page before; the first page if none.")


class ApprovalArguments(Arguments):
    """Names the job whose output becomes its card's asset."""

    card_id: UUID = Field(description="The card.")
    job_id: UUID = Field(description="A completed job of this card: one of its candidates.")


class JobOfCard(BaseModel):
    """A job that was accepted, and the card that it is for."""

    job_id: UUID
    card_id: UUID


class CreatedActivity(BaseModel):
    """An activity with its cards, and the jobs of their candidates: card by card as asked for, by seed in each."""

    activity: Activity
    jobs: list[JobOfCard]


class CreatedJob(JobOfCard):
    """A job that was accepted and waits for its turn."""

    status: JobStatus


type ToolText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TOOL_DESCRIPTION),
    BeforeValidator(storable_text),
]
type JsonObject = dict[str, JsonValue]
TOOL_EXAMPLE: dict[str, JsonValue] = {
    "description": "Draw one picture of all approved pictures of a project. Answers its url, good for 15 minutes.",
    "schema": {
        "type": "object",
        "properties": {"project_id": {"type": "string", "description": "The project's id."}},
        "required": ["project_id"],
        "additionalProperties": False,
    },
    "function": "callboard-tool-contact-sheet",
}


class ToolDefinition(BaseModel):
    """What a tool of another service does, takes and answers, and the function that does it."""

    model_config = ConfigDict(
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=True,
        json_schema_extra={"example": TOOL_EXAMPLE},
    )

    description: ToolText = Field(description="What it does and when to use it, for a model to read.")
    # Pydantic's models have a method of the name that it has for clients.
    parameters: JsonObject = Field(
        alias="schema", description="JSON Schema (draft 2020-12, type object) of the arguments; checked before a call."
    )
    output_schema: JsonObject | None = Field(
        default=None, description="JSON Schema (draft 2020-12, type object) of the answer; checked after a call."
    )
    function: str = Field(max_length=64, description="Name of the Lambda function: `<stack>-tool-<what it does>`.")


class NewTool(ToolDefinition):
    """A request to register a tool."""

    model_config = ConfigDict(json_schema_extra={"example": {"name": "contact_sheet", **TOOL_EXAMPLE}})

    name: str = Field(pattern=f"^{TOOL_NAME}$", description="How it is called: a-z, 0-9 and _, at most 64.")


class RegisteredTool(BaseModel):
    """A tool of another service, as it is registered."""

    model_config = ConfigDict(frozen=True, validate_by_name=True, validate_by_alias=True)

    name: str
    description: str
    parameters: JsonObject = Field(alias="schema")
    output_schema: JsonObject | None
    function: str
    created_by: str
    created_at: datetime
    updated_at: datetime


class ToolCall(BaseModel):
    """What the function of a registered tool is invoked with.

    `arguments` fit the tool's schema. `tenant` is whose they are: the function shows and changes nothing of others.
    `request_id` is the same when the same call is made again.
    """

    tool: str
    arguments: JsonObject
    tenant: str = Field(min_length=1)
    request_id: str


class ToolAnswer(RootModel[JsonObject]):
    """What a registered tool answers."""
