"""What Callboard knows of a cloud generation service, and what passes between the two."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

if TYPE_CHECKING:
    from callboard.providers.outputs import Output

type ErrorCode = Literal[
    "invalid_input",
    "content_policy",
    "provider_unavailable",
    "provider_rejected",
    "deadline",
    "submission_unknown",
    "output_unavailable",
]


class _Limits(BaseModel):
    """What every service has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    max_in_flight: int = Field(default=20, ge=1)
    max_in_flight_per_tenant: int = Field(default=10, ge=1)
    max_attempts: int = Field(default=3, ge=1, le=10)


class HttpProviderConfig(_Limits):
    """A service behind a URL as the deployment configures it; secrets are named, never held."""

    kind: Literal["replicate", "push"]
    base_url: str = Field(pattern=r"^https?://")
    token_secret: str
    webhook_secret: str
    output_hosts: list[str] = Field(
        default_factory=list,
        description="Hosts, also `*.example.com`, that outputs are fetched from besides base_url's.",
    )


class BedrockProviderConfig(_Limits):
    """A model that Bedrock invokes asynchronously, as the deployment configures it."""

    kind: Literal["bedrock"]
    model_id: str = Field(pattern=r"^[a-zA-Z0-9_.:/-]{1,256}$")
    region: str | None = Field(default=None, description="Of the model; the stack's own if none.")
    output_bucket: str | None = Field(
        default=None,
        description="Where Bedrock puts what the model made, in the model's region; the assets bucket if none.",
    )


type ProviderConfig = Annotated[HttpProviderConfig | BedrockProviderConfig, Field(discriminator="kind")]
ProviderConfigs: TypeAdapter[list[ProviderConfig]] = TypeAdapter(list[ProviderConfig])


class _Health(BaseModel):
    """How a service fares."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    enabled: bool = True
    paused_until: datetime | None = None
    pauses: int = 0


class HttpProvider(HttpProviderConfig, _Health):
    """A service behind a URL, and how it fares."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class BedrockProvider(BedrockProviderConfig, _Health):
    """A model of Bedrock's, and how it fares."""

    model_config = ConfigDict(extra="ignore", frozen=True)


type Provider = Annotated[HttpProvider | BedrockProvider, Field(discriminator="kind")]
_PROVIDER: TypeAdapter[Provider] = TypeAdapter(Provider)


def provider_of(row: Mapping[str, Any]) -> Provider:
    """Return the service that a row describes."""
    return _PROVIDER.validate_python(row)


@dataclass(frozen=True, slots=True)
class Submission:
    """One attempt of a job, as handed to a service.

    `callback_url` carries the job's id and the attempt, so that a callback finds its attempt even when the answer to
    the submission was lost.
    """

    job_id: UUID
    attempt: int
    params: dict[str, Any]
    callback_url: str
    seconds_left: float
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Observation:
    """What a service says of an attempt."""

    state: Literal["running", "succeeded", "failed", "cancelled"]
    output_url: str | None = None
    error_message: str | None = None
    error_code: ErrorCode | None = None
    progress: float | None = None


class ProviderClient(Protocol):
    """What every service must offer. Methods raise the errors of `callboard.providers.errors`."""

    def create(self, submission: Submission) -> str:
        """Hand over an attempt; return the service's id for it."""
        ...

    def get(self, provider_job_id: str) -> Observation | None:
        """Ask how an attempt fares; None when the service only reports by itself."""
        ...

    def cancel(self, provider_job_id: str) -> bool:
        """Ask to stop an attempt; False when the service offers no such thing."""
        ...

    def find(self, job_id: UUID, attempt: int, callback_url: str) -> str | None:
        """Look an attempt up in the service's listing, by what it was submitted with; None when it is not there."""
        ...

    def fetch(self, output_url: str) -> "Output":
        """Fetch what an attempt made."""
        ...
