"""The built-in assistants: what each takes, is told and may call."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pydantic import BaseModel, ValidationError

from callboard.agents.control import RECOMMEND_CANDIDATE, REQUEST_APPROVAL, WAIT_FOR_JOBS
from callboard.agents.errors import AssistantNotFoundError
from callboard.agents.models import Assistant, AssistantSchemas, ProductionInput, ReviewInput
from callboard.agents.prompts import PRODUCE, REVIEW
from callboard.errors import InvalidInputError
from callboard.fields import described

SINCE = datetime(2026, 11, 25, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """An assistant of ours."""

    name: str
    title: str
    description: str
    prompt: str
    tools: Sequence[str]
    takes: type[BaseModel]

    @property
    def assistant_id(self) -> str:
        """Return its id, which is the same in every deployment."""
        return str(uuid5(NAMESPACE_URL, f"callboard:assistant:{self.name}"))

    def view(self) -> Assistant:
        """Show the assistant as the SDK knows them."""
        return Assistant(
            assistant_id=self.assistant_id,
            graph_id=self.name,
            name=self.title,
            description=self.description,
            metadata={"created_by": "system"},
            created_at=SINCE,
            updated_at=SINCE,
        )

    def schemas(self) -> AssistantSchemas:
        """Return what goes in and what comes out."""
        answer = {"type": ["string", "null"], "description": "The assistant's last words."}
        state = {
            "type": "object",
            "properties": {
                **self.takes.model_json_schema()["properties"],
                "messages": {"type": "array", "items": {"type": "object"}},
                "answer": answer,
                "recommendation": {"type": ["object", "null"]},
            },
        }
        nothing: dict[str, Any] = {"type": "object", "properties": {}}
        return AssistantSchemas(
            graph_id=self.name,
            input_schema=self.takes.model_json_schema(),
            output_schema=state,
            state_schema=state,
            config_schema=nothing,
            context_schema=nothing,
        )

    def read_input(self, given: dict[str, Any]) -> dict[str, Any]:
        """Check an input and return it as the graph takes it, without the project.

        Raises:
            InvalidInputError: It is not what this assistant takes.
        """
        try:
            parsed = self.takes.model_validate(given)
        except ValidationError as error:
            raise InvalidInputError(details={"fields": described(error, "input")}) from error
        return parsed.model_dump(mode="json", exclude={"project_id"})


PRODUCTION = BuiltIn(
    name="production",
    title="Production",
    description="Plans a production from a brief, has it generated, judges the results and asks where it should.",
    prompt=PRODUCE,
    tools=(
        "get_project_memory",
        "create_activity_with_cards",
        "update_card",
        "create_job",
        "get_job",
        "cancel_job",
        "retry_job",
        "list_candidates",
        "approve_asset",
        WAIT_FOR_JOBS,
        REQUEST_APPROVAL,
    ),
    takes=ProductionInput,
)
REVIEW_OF_CARD = BuiltIn(
    name="review",
    title="Review",
    description="Compares the candidates of a card and recommends one.",
    prompt=REVIEW,
    tools=("list_candidates", "get_job", RECOMMEND_CANDIDATE),
    takes=ReviewInput,
)
ASSISTANTS = (PRODUCTION, REVIEW_OF_CARD)


def find(assistant_id: str) -> BuiltIn:
    """Return an assistant by its id, or by the name of its graph as the SDK allows.

    Raises:
        AssistantNotFoundError: There is none.
    """
    for assistant in ASSISTANTS:
        if assistant_id in {assistant.assistant_id, assistant.name}:
            return assistant
    raise AssistantNotFoundError
