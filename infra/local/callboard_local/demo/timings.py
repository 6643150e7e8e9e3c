"""How long the parts of a production took."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median
from typing import Any


@dataclass
class Timings:
    """Seconds, one value a job or message."""

    accept: list[float] = field(default_factory=list)
    queue_wait: list[float] = field(default_factory=list)
    generation: list[float] = field(default_factory=list)
    notify: list[float] = field(default_factory=list)

    def add_jobs(self, jobs: Iterable[dict[str, Any]]) -> None:
        """Take the times of completed jobs as the API tells them."""
        for job in jobs:
            created, started, completed = (
                datetime.fromisoformat(job[name]) for name in ("created_at", "started_at", "completed_at")
            )
            self.queue_wait.append((started - created).total_seconds())
            self.generation.append((completed - started).total_seconds())

    def add_message(self, timestamp: str) -> None:
        """Take the time between a state change, by its event's timestamp, and the message that has just come."""
        self.notify.append((datetime.now(UTC) - datetime.fromisoformat(timestamp)).total_seconds())

    def rows(self) -> list[tuple[str, str, float, float]]:
        """Return name, meaning, median and worst of each part that has values."""
        parts = [
            ("accept", "HTTP request to 202", self.accept),
            ("queue wait", "accepted to claimed", self.queue_wait),
            ("generation", "claimed to output stored", self.generation),
            ("notify", "state change to WebSocket message", self.notify),
        ]
        return [(name, meaning, median(values), max(values)) for name, meaning, values in parts if values]
