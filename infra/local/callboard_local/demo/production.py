"""What is known of a production while it runs: its board, its jobs, and what the agent did."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from callboard.connections.client import Update
from callboard_local.demo.brief import Brief, same_title
from callboard_local.demo.timings import Timings


def counted(number: int, one: str, many: str) -> str:
    """Say how many there are."""
    return f"{number} {one if number == 1 else many}"


@dataclass(frozen=True, slots=True)
class Note:
    """A line to show: whose it is, and what happened."""

    actor: str
    text: str


@dataclass
class CardProgress:
    """A card of the board as the live updates tell it; `jobs` are states by job."""

    card_id: str
    title: str
    activity_id: str
    position: int = 0
    jobs: dict[str, str] = field(default_factory=dict)
    asset: dict[str, Any] | None = None
    error: str | None = None

    @property
    def state(self) -> str:
        """Say in one word how the card fares."""
        if self.asset:
            return "approved"
        statuses = set(self.jobs.values())
        return next((one for one in ("processing", "queued", "completed", "failed") if one in statuses), "planned")


@dataclass(frozen=True, slots=True)
class PlannedCard:
    """A card as the agent planned it."""

    title: str
    candidates: int


@dataclass(frozen=True, slots=True)
class PlannedActivity:
    """An activity as the agent planned it, in one call."""

    title: str
    cards: tuple[PlannedCard, ...]

    def __str__(self) -> str:
        """Say it on one line."""
        cards = (f"{card.title} ({card.candidates})" if card.candidates > 1 else card.title for card in self.cards)
        return f"{self.title}: {', '.join(cards)}"


@dataclass
class Wait:
    """A sleep of the agent, by the times of its events, and how many of which jobs it is for."""

    slept_at: datetime
    job_ids: tuple[str, ...]
    mode: str
    needed: int
    woken_at: datetime | None = None

    @property
    def seconds(self) -> float | None:
        """Return how long it slept; None if it still does."""
        return (self.woken_at - self.slept_at).total_seconds() if self.woken_at else None


@dataclass(frozen=True, slots=True)
class Question:
    """What the agent asks a person, and the jobs to choose from."""

    text: str
    card_id: str | None
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """A person's answer; `told` says it in words."""

    approved: bool
    choice: str | None
    comment: str | None
    told: str

    @property
    def resume(self) -> dict[str, Any]:
        """Return it as the agent takes it."""
        return {"approved": self.approved, "choice": self.choice, "comment": self.comment}


@dataclass
class Production:
    """All that is known of a running production."""

    brief: Brief
    project_id: str = ""
    thread_id: str = ""
    run_ids: list[str] = field(default_factory=list)
    activities: dict[str, tuple[int, str]] = field(default_factory=dict)
    cards: dict[str, CardProgress] = field(default_factory=dict)
    plan: list[PlannedActivity] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    talks: list[tuple[Question, Answer]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    usage: Counter[str] = field(default_factory=Counter)
    timings: Timings = field(default_factory=Timings)
    updates: int = 0

    @property
    def board(self) -> list[CardProgress]:
        """The cards as they stand on the board."""
        return sorted(self.cards.values(), key=lambda card: (*self._place(card), card.position, card.card_id))

    @property
    def jobs(self) -> Counter[str]:
        """How many jobs are in each state."""
        return Counter(status for card in self.cards.values() for status in card.jobs.values())

    def activity_of(self, card: CardProgress) -> str:
        """Return the title of a card's activity; none as long as it is not known."""
        return self._place(card)[1]

    def _place(self, card: CardProgress) -> tuple[int, str]:
        return self.activities.get(card.activity_id, (0, ""))

    def take(self, update: Update) -> Iterator[Note]:
        """Take a change of the board over; say what is worth a line."""
        data = update.data
        match update.topic.split("."):
            case ["activity", "deleted"]:
                self.activities.pop(data["activity_id"], None)
            case ["activity", _]:
                self.activities[data["activity_id"]] = data["position"], data["title"]
            case ["card", "deleted"]:
                self.cards.pop(data["card_id"], None)
            case ["card", _]:
                card = self._card(data["card_id"])
                card.title, card.activity_id, card.position = data["title"], data["activity_id"], data["position"]
            case ["job", *_]:
                yield from self._job_moved(data)
            case ["asset", _]:
                card = self._card(data["card_id"])
                card.asset = data
                approved = sum(each.asset is not None for each in self.cards.values())
                yield Note("board", f"approved: {card.title} ({approved} of {len(self.cards)})")

    def _card(self, card_id: str) -> CardProgress:
        return self.cards.setdefault(card_id, CardProgress(card_id, "", ""))

    def _job_moved(self, data: dict[str, Any]) -> Iterator[Note]:
        card = self._card(data["card_id"])
        if data["job_id"] not in card.jobs and data["retry_of"]:
            yield Note("jobs", f"a job of {card.title} is tried again by the agent")
        elif data["status"] == "queued" and card.jobs.get(data["job_id"]) == "processing":
            yield Note("jobs", f"a job of {card.title} is tried again: attempt {data['attempt']} failed")
        card.jobs[data["job_id"]] = data["status"]
        if data["status"] == "failed":
            card.error = f"{data['error_message'] or 'no reason given'} ({data['error_code']})"
            yield Note("jobs", f"a job of {card.title} failed: {card.error}")

    def settle(
        self, activities: list[dict[str, Any]], jobs: list[dict[str, Any]], assets: list[dict[str, Any]]
    ) -> None:
        """Take over how the board stands in the end: the last updates may still be on their way."""
        self.activities = {each["id"]: (each["position"], each["title"]) for each in activities}
        made = [card for each in activities for card in each["cards"]]
        self.cards = {
            card["id"]: CardProgress(card["id"], card["title"], card["activity_id"], card["position"]) for card in made
        }
        for job in sorted(jobs, key=lambda job: str(job["job_id"])):
            if card := self.cards.get(job["card_id"]):
                card.jobs[job["job_id"]] = job["status"]
                if job["status"] == "failed":
                    card.error = f"{job['error_message'] or 'no reason given'} ({job['error_code']})"
        for asset in assets:
            if card := self.cards.get(asset["card_id"]):
                card.asset = asset
        self.timings.add_jobs(job for job in jobs if job["status"] == "completed")
        ended_at = {job["job_id"]: datetime.fromisoformat(job["completed_at"]) for job in jobs if job["completed_at"]}
        for wait in self.waits:
            if wait.woken_at is not None:
                ends = [ended_at[job_id] for job_id in wait.job_ids if job_id in ended_at]
                self.timings.add_wake(wait.slept_at, wait.woken_at, wait.needed, ends)

    def shortcomings(self) -> list[str]:
        """Say of each card of the brief that has no asset why."""
        left = self.board
        found: list[str] = []
        for activity in self.brief.activities:
            for wanted in activity.cards:
                named = [card for card in left if same_title(card.title, wanted.title)]
                # The agent may have grouped them otherwise.
                named.sort(key=lambda card: not same_title(self.activity_of(card), activity.title))
                if not named:
                    found.append(f"{wanted.title}: the agent did not plan it")
                    continue
                left.remove(named[0])
                if not named[0].asset:
                    found.append(f"{wanted.title}: {named[0].error or f'it is {named[0].state}'}")
        return found
