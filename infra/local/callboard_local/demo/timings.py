"""How long the parts of a production took."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median
from typing import Any


@dataclass
class Timings:
    """Seconds, one value a job, message or sleep; all but the messages' by the service's clock."""

    plan: list[float] = field(default_factory=list)
    queue_wait: list[float] = field(default_factory=list)
    generation: list[float] = field(default_factory=list)
    notify: list[float] = field(default_factory=list)
    wake: list[float] = field(default_factory=list)

    def add_plan(self, asked_at: datetime, slept_at: datetime | None, cards: Iterable[dict[str, Any]]) -> None:
        """Take the time from the brief to the last of the cards that were there before the agent first slept."""
        made = [datetime.fromisoformat(card["created_at"]) for card in cards]
        planned = [at for at in made if slept_at is None or at <= slept_at]
        if planned:
            self.plan.append((max(planned) - asked_at).total_seconds())

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

    def add_wake(self, slept_at: datetime, woken_at: datetime, needed: int, ends: Sequence[datetime]) -> None:
        """Take the time from when enough of the awaited jobs had ended; a deadline that wakes has no such time."""
        before = sorted(end for end in ends if end <= woken_at)
        if 0 < needed <= len(before):
            self.wake.append((woken_at - max(slept_at, before[needed - 1])).total_seconds())

    def rows(self) -> list[tuple[str, str, float, float]]:
        """Return name, meaning, median and worst of each part that has values."""
        parts = [
            ("plan", "brief sent to plan on the board", self.plan),
            ("queue wait", "job accepted to claimed", self.queue_wait),
            ("generation", "claimed to output stored", self.generation),
            ("notify", "job's change to WebSocket message", self.notify),
            ("wake", "last awaited job's end to the run going on", self.wake),
        ]
        return [(name, meaning, median(values), max(values)) for name, meaning, values in parts if values]
