"""What the service is told by its environment."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class GeneratorSettings(BaseSettings):
    """Environment variables `GENERATOR_*`; durations are seconds."""

    model_config = SettingsConfigDict(env_prefix="GENERATOR_", frozen=True)

    token: SecretStr = Field(min_length=1, description="The bearer token that clients must send.")
    webhook_secret: SecretStr = Field(min_length=8, description="`whsec_...`: the key that callbacks are signed with.")
    speed: float = Field(default=1.0, gt=0, description="Divides how long work takes: 2 is twice as fast.")
    public_url: str | None = Field(default=None, description="Base of the URLs in answers; else what the client used.")
    minimum_deadline: float = Field(default=5.0, ge=0, description="The shortest Cancel-After that is taken.")
    callback_tries: int = Field(default=4, ge=1)
    callback_retry_seconds: float = Field(default=0.5, ge=0, description="Before the first retry; tripled each time.")
    callback_timeout: float = Field(default=15.0, gt=0)
    kept_generations: int = Field(default=5000, ge=1, description="Older ones that have ended are forgotten.")
    kept_picture_bytes: int = Field(default=64 * 1024 * 1024, ge=0)
