"""What clients may send."""

import json
import re
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from starlette.requests import Request

from callboard_local.generator.errors import InvalidRequestError
from callboard_local.generator.simulation import PredictionSimulation, Simulation

type Event = Literal["start", "output", "logs", "completed"]

CANCEL_AFTER = re.compile(r"(?=\d)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?")
MAX_WAIT_SECONDS = 60.0


class PictureInput(BaseModel):
    """What a picture is drawn from; models take further inputs, which have no effect here."""

    model_config = ConfigDict(extra="allow", frozen=True)

    prompt: str = Field(min_length=1, max_length=10_000)
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    width: int = Field(default=960, ge=64, le=2048)
    height: int = Field(default=540, ge=64, le=2048)
    num_outputs: int = Field(default=1, ge=1, le=4)

    @field_validator("prompt")
    @classmethod
    def _says_something(cls, prompt: str) -> str:
        if not prompt.strip():
            raise ValueError("prompt is empty")
        return prompt


class PredictionInput(PictureInput):
    """The input of a prediction."""

    simulate: PredictionSimulation = PredictionSimulation()


class PushParams(PictureInput):
    """The parameters of a push job."""

    simulate: Simulation = Simulation()


class NewPrediction(BaseModel):
    """The body of `POST /v1/predictions`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: PredictionInput
    version: str | None = None
    model: str | None = None
    stream: bool = False
    webhook: str | None = Field(default=None, pattern=r"^https?://")
    webhook_events_filter: frozenset[Event] = frozenset({"start", "output", "logs", "completed"})


class NewPushJob(BaseModel):
    """The body of `POST /push/jobs`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    job_id: UUID
    attempt: int = Field(ge=1)
    params: PushParams
    status_url: str = Field(pattern=r"^https?://")


class NewOutage(BaseModel):
    """The body of `POST /control/outage`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seconds: float = Field(gt=0, le=3600)
    status: Literal[429, 503] = 503
    retry_after: int | None = Field(default=None, ge=0)


async def parsed[T: BaseModel](model: type[T], request: Request) -> tuple[T, dict[str, Any]]:
    """Return the body as a model and as it came.

    Raises:
        InvalidRequestError: It does not fit.
    """
    try:
        raw = json.loads(await request.body(), parse_constant=_refuse_constant)
        # What cannot be sent back must not come in: lone surrogates pass the reader.
        json.dumps(raw, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise InvalidRequestError([{"type": "invalid_json", "field": "", "description": "Body is not JSON"}]) from None
    try:
        return model.model_validate(raw), raw
    except ValidationError as error:
        raise InvalidRequestError.of(error) from None


def deadline_seconds(request: Request, minimum: float) -> float | None:
    """Read `Cancel-After` (`30`, `30s`, `5m`, `1h30m`); None when it is not sent.

    Raises:
        InvalidRequestError: It is no duration, or a shorter one than `minimum`.
    """
    value = request.headers.get("cancel-after")
    if value is None:
        return None
    found = CANCEL_AFTER.fullmatch(value.strip().lower())
    if found is None:
        raise InvalidRequestError([_header("Cancel-After", "is not a duration such as 30s or 5m")])
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    total = hours * 3600 + minutes * 60 + seconds
    if total < minimum:
        raise InvalidRequestError([_header("Cancel-After", f"must be at least {minimum:g}s")])
    return float(total)


def wait_seconds(request: Request) -> float:
    """Read how long an answer may wait for the end from `Prefer: wait[=N]`; 0 when it must not."""
    for preference in request.headers.get("prefer", "").split(","):
        name, _, value = preference.strip().partition("=")
        if name.strip().lower() == "wait":
            asked = value.strip().strip('"')
            if not asked:
                return MAX_WAIT_SECONDS
            if not asked.isdigit() or not 1 <= int(asked) <= MAX_WAIT_SECONDS:
                raise InvalidRequestError([_header("Prefer", f"wait must be from 1 to {MAX_WAIT_SECONDS:g} seconds")])
            return float(asked)
    return 0.0


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _header(name: str, problem: str) -> dict[str, str]:
    return {"type": "invalid_header", "field": name, "description": f"{name} {problem}"}
