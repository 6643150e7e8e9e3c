"""Settings of a function, typed, from its environment.

Secrets are not settings: a setting holds a secret's name, and `callboard.secrets` fetches its value.
"""

from functools import lru_cache
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from callboard.errors import ConfigurationError
from callboard.observability import logger

type OptionalSetting = Literal[
    "public_url",
    "websocket_url",
    "websocket_endpoint",
    "oidc_issuer",
    "oidc_audience",
    "job_queue_service_id",
    "agents_service_id",
    "mcp_service_id",
    "notifications_service_id",
]

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class Settings(BaseSettings):
    """What a function reads from its environment; each field is the environment variable of the same name.

    template.yaml sets the required ones for every function. The optional URLs are set only where they are used,
    because an API's id in the environment of one of its own routes would be a circular reference.
    """

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    environment: Literal["local", "development", "staging", "production"]
    stack_name: str
    database_url_secret: str
    event_bus_name: str
    jobs_queue_url: str
    checks_queue_url: str
    agent_queue_url: str
    assets_bucket: str
    connections_table: str
    discovery_namespace: str
    default_provider: str

    log_level: LogLevel = "INFO"
    debug: bool = False
    check_interval_seconds: float = Field(default=2.0, gt=0, le=60, description="Delay before the first check.")
    default_deadline_seconds: int = Field(default=3600, ge=1, le=7 * 24 * 3600)
    event_retention_days: int = Field(default=14, ge=1)
    idempotency_retention_hours: int = Field(default=48, ge=24)

    checkpoint_retention_hours: int = Field(default=72, ge=1, description="How long idle threads keep their history.")

    agent_super_steps: int = Field(default=25, ge=1, le=1000, description="What one step of an agent may do at most.")
    model_id: str = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
    model_provider: str = Field(default="", description="Where it does not follow from the model's id.")
    model_region: str = Field(default="", description="The function's own region if empty.")
    model_sees_pictures: bool = Field(default=True, description="Whether pictures may be shown to it.")
    model_temperature: float = Field(default=0.2, ge=0, le=1)
    model_max_tokens: int = Field(default=4096, ge=256, le=64_000)

    groups_claim: str = "cognito:groups"
    oidc_keys_url: str = Field(default="", description="The issuer's discovery document says it if empty.")
    mcp_allowed_origins: str = Field(default="", description="Separated by commas.")
    api_url_form: str = Field(
        default="https://{domain}",
        description="The API's address by the `domain` or the `api` that a request came to, for those of its own "
        "functions that name it: their environment cannot.",
    )

    public_url: str | None = None
    websocket_url: str | None = None
    websocket_endpoint: str | None = None
    oidc_issuer: str | None = None
    oidc_audience: str | None = None
    job_queue_service_id: str | None = None
    agents_service_id: str | None = None
    mcp_service_id: str | None = None
    notifications_service_id: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _quiet_production(cls, values: dict[str, Any]) -> dict[str, Any]:
        if values.get("environment") == "production":
            values = {"log_level": "WARNING", **values, "debug": False}
        return values

    def require(self, name: OptionalSetting) -> str:
        """Return an optional setting that this function cannot do without.

        Raises:
            ConfigurationError: It is not set; the message names it.
        """
        value: str | None = getattr(self, name)
        if not value:
            raise ConfigurationError(f"{name.upper()} is not set")
        return value


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Read the settings once an execution environment.

    Raises:
        ConfigurationError: Settings are missing or wrong; the message names each.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        raise ConfigurationError(faults) from error
    logger.setLevel("DEBUG" if settings.debug else settings.log_level)
    return settings
