"""What the service works on: predictions, which clients ask about, and push jobs, which report by themselves."""

import asyncio
import hashlib
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, override
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from callboard_local.generator.requests import NewPrediction, NewPushJob, PictureInput
from callboard_local.generator.simulation import PredictionSimulation, Simulation

type Status = Literal["starting", "processing", "succeeded", "failed", "canceled", "aborted"]
type Body = dict[str, Any]

DEFAULT_SECONDS = 0.6
DEFAULT_START_SECONDS = 0.05


@dataclass(slots=True, eq=False)
class Delivery:
    """One callback: what was sent where, and what came back."""

    event: str
    webhook_id: str
    attempts: int = 0
    answers: list[int | str] = field(default_factory=list)
    tried: asyncio.Event = field(default_factory=asyncio.Event)

    def as_json(self) -> Body:
        """Show it to a test."""
        return {
            "event": self.event,
            "webhook_id": self.webhook_id,
            "attempts": self.attempts,
            "answers": list(self.answers),
        }


@dataclass(slots=True, eq=False, kw_only=True)
class Generation(ABC):
    """A piece of work and all that is known about it."""

    id: str
    number: int
    picture: PictureInput
    seed: int
    callback_url: str | None
    base_url: str
    correlation_id: str | None
    failure: str | None
    seconds: float
    start_seconds: float
    status: Status = "starting"
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started_at: datetime | None = None
    completed_at: datetime | None = None
    started_tick: float = 0.0
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    completion_tried: asyncio.Event = field(default_factory=asyncio.Event)
    deliveries: list[Delivery] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)

    @property
    @abstractmethod
    def kind(self) -> str:
        """What it is called in logs and to tests."""

    @property
    @abstractmethod
    def simulation(self) -> Simulation:
        """How it was asked to misbehave."""

    def wants(self, event: str) -> bool:
        """Tell whether an event is reported."""
        return self.callback_url is not None and not self.simulation.callbacks.none

    @abstractmethod
    def report(self, status: Status) -> Body:
        """Return the body of a callback as it reads when the status is `status`."""

    @property
    def outputs(self) -> list[str]:
        """The URLs of the pictures."""
        return [f"{self.base_url}/files/{self.id}/out-{n}.png" for n in range(self.picture.num_outputs)]

    @property
    def progress(self) -> float:
        """The share of the work that is done."""
        if self.status == "starting":
            return 0.0
        if self.ended.is_set():
            return 1.0 if self.status == "succeeded" else 0.0
        return round(min(0.99, (time.monotonic() - self.started_tick) / max(self.seconds, 0.001)), 3)

    async def ended_within(self, seconds: float) -> bool:
        """Wait for the end, at most so long."""
        try:
            async with asyncio.timeout(seconds):
                await self.ended.wait()
        except TimeoutError:
            return False
        return True

    def start(self) -> None:
        """Begin the work."""
        self.status = "processing"
        self.started_at = datetime.now(UTC)
        self.started_tick = time.monotonic()

    def end(self, status: Status) -> bool:
        """Move to a terminal status; False, and no change, when there is one already."""
        if self.ended.is_set():
            return False
        self.status, self.completed_at = status, datetime.now(UTC)
        self.ended.set()
        return True

    def as_control(self, creations: int) -> Body:
        """Show a test what was accepted and what has happened since."""
        return {
            "id": self.id,
            "kind": self.kind,
            "status": self.status,
            "webhook": self.callback_url,
            "correlation_id": self.correlation_id,
            "created_at": _timestamp(self.created_at),
            "completed_at": _timestamp(self.completed_at),
            "calls": {"create": creations, "get": self.calls["get"], "cancel": self.calls["cancel"]},
            "files_fetched": self.calls["file"],
            "callback_attempts": sum(each.attempts for each in self.deliveries),
            "callbacks": [each.as_json() for each in self.deliveries],
        }


@dataclass(slots=True, eq=False, kw_only=True)
class Prediction(Generation):
    """Work that clients ask about and may cancel."""

    request: NewPrediction
    input: Body
    deadline_seconds: float | None = None

    @property
    @override
    def kind(self) -> str:
        return "prediction"

    @property
    @override
    def simulation(self) -> PredictionSimulation:
        return self.request.input.simulate

    @override
    def wants(self, event: str) -> bool:
        return (
            self.callback_url is not None
            and event in self.request.webhook_events_filter
            and (not self.simulation.callbacks.none)
        )

    @override
    def report(self, status: Status) -> Body:
        return self.as_json(status)

    @property
    def canceled_status(self) -> Status:
        """How it ends when it is cancelled."""
        return self.simulation.cancel_to or "canceled"

    def as_json(self, status: Status | None = None) -> Body:
        """Return Replicate's prediction object; `status` pretends another one than the present."""
        shown = status or self.status
        succeeded, over = shown == "succeeded", shown not in {"starting", "processing"}
        url = f"{self.base_url}/v1/predictions/{self.id}"
        completed_at = (self.completed_at or datetime.now(UTC)) if over else None
        metrics: dict[str, float] = {}
        if completed_at is not None:
            metrics["total_time"] = round((completed_at - self.created_at).total_seconds(), 3)
            if self.started_at is not None:
                metrics["predict_time"] = round((completed_at - self.started_at).total_seconds(), 3)
        body: Body = {
            "id": self.id,
            "version": self.request.version,
            "model": self.request.model,
            "input": self.input,
            "status": shown,
            "output": self.outputs if succeeded else None,
            "error": self.failure if shown == "failed" else None,
            "logs": f"Using seed: {self.seed}\n" if self.started_at else "",
            "source": "api",
            "data_removed": False,
            "created_at": _timestamp(self.created_at),
            "started_at": _timestamp(self.started_at),
            "completed_at": _timestamp(completed_at),
            "metrics": metrics,
            "progress": 1.0 if succeeded else self.progress,
            "urls": {"get": url, "cancel": f"{url}/cancel"},
        }
        if self.callback_url is not None:
            body["webhook"] = self.callback_url
            body["webhook_events_filter"] = sorted(self.request.webhook_events_filter)
        if self.deadline_seconds is not None:
            body["deadline"] = _timestamp(self.created_at + timedelta(seconds=self.deadline_seconds))
        return body


@dataclass(slots=True, eq=False, kw_only=True)
class PushJob(Generation):
    """Work that only reports."""

    request: NewPushJob

    @property
    @override
    def kind(self) -> str:
        return "push_job"

    @property
    @override
    def simulation(self) -> Simulation:
        return self.request.params.simulate

    @override
    def report(self, status: Status) -> Body:
        match status:
            case "succeeded":
                return {"status": "completed", "result_url": self.outputs[0]}
            case "failed":
                return {"status": "failed", "error_message": self.failure}
            case _:
                return {"status": "processing", "progress": self.progress}


def occurrence_key(simulation: Simulation, callback_url: str | None, prompt: str) -> str:
    """Return what repeated creations are recognised by; see `Simulation`."""
    if simulation.key is not None:
        return f"key:{simulation.key}"
    if callback_url is None:
        return f"prompt:{hashlib.sha256(prompt.encode()).hexdigest()}"
    parts = urlsplit(callback_url)
    query = urlencode([(name, value) for name, value in parse_qsl(parts.query) if name != "attempt"])
    return f"url:{urlunsplit(parts._replace(query=query))}"


def usual_seconds(prompt: str, num_outputs: int) -> float:
    """Return how long a picture takes when nothing else is asked for: about the default, always alike for a prompt."""
    share = hashlib.sha256(prompt.encode()).digest()[0] / 255
    return DEFAULT_SECONDS * (0.8 + 0.4 * share) * (1 + 0.25 * (num_outputs - 1))


def newest_first[T: Generation](generations: Sequence[T], before: int | None, after: int | None, limit: int) -> list[T]:
    """Return one page of generations that are given oldest first, bounded by their numbers on one side."""
    if after is not None:
        return [each for each in generations if each.number > after][:limit][::-1]
    older = [each for each in generations if before is None or each.number < before]
    return older[-limit:][::-1]


def _timestamp(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
