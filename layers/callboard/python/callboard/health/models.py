"""Results of health checks."""

from collections.abc import Mapping
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

type Condition = Literal["healthy", "unhealthy"]


class HealthReport(BaseModel):
    """Each dependency's condition and that of the whole: healthy if all of them are."""

    model_config = ConfigDict(frozen=True)

    status: Condition
    checks: Mapping[str, Condition]
    timestamp: AwareDatetime

    @property
    def is_healthy(self) -> bool:
        """Whether every dependency answered."""
        return self.status == "healthy"
