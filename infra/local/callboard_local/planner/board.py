"""What is known of the work so far: the memory, and what each call since then has changed."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from callboard_local.planner.chat import Call
from callboard_local.planner.conversation import Conversation, Made
from callboard_local.planner.directives import Directives
from callboard_local.planner.plans import Plan, PlannedCard

ENDED = frozenset({"completed", "failed", "cancelled"})
# The same request would be refused again.
HOPELESS = frozenset({"content_policy", "invalid_input"})
MAX_RETRIES = 2
MAX_DEADLINES = 2


@dataclass
class Job:
    """A generation, as far as it is known; `round` counts the times a person was asked before it was started."""

    id: str
    status: str = "queued"
    error_code: str | None = None
    retries: int = 0
    retried: bool = False
    deadlines: int = 0
    round: int = 0
    own: bool = True

    @property
    def ended(self) -> bool:
        """Return whether nothing more will happen to it."""
        return self.status in ENDED

    @property
    def awaited(self) -> bool:
        """Return whether waiting for it makes sense: it was not given up after its second deadline."""
        return not self.ended and self.deadlines < MAX_DEADLINES

    @property
    def worth_retrying(self) -> bool:
        """Return whether it failed for a reason that another attempt may not have."""
        return (
            self.own
            and self.status == "failed"
            and not self.retried
            and self.retries < MAX_RETRIES
            and self.error_code not in HOPELESS
        )


@dataclass(frozen=True, slots=True)
class Word:
    """What a person answered when asked about a card."""

    approved: bool
    choice: str
    comment: str


@dataclass
class Card:
    """A card of the brief: planned by us, and on the board once it has an id."""

    activity: str
    title: str
    params: dict[str, Any]
    candidates: int
    id: str = ""
    status: str = "new"
    asset: str = ""
    jobs: dict[str, Job] = field(default_factory=dict)
    words: list[Word] = field(default_factory=list)

    @property
    def approved(self) -> bool:
        """Return whether it has its picture."""
        return self.status == "approved" or bool(self.asset)

    @property
    def completed(self) -> list[str]:
        """The jobs to choose from: those of the newest round first, in each the oldest first."""
        done = [job for job in self.jobs.values() if job.status == "completed"]
        return [job.id for job in sorted(done, key=lambda job: (-job.round, job.id))]


class Board:
    """The cards of the brief, and the calls that were made for them."""

    def __init__(self, plan: Plan, conversation: Conversation, directives: Directives) -> None:
        memory = conversation.json_block("project_memory")
        self._memory: Mapping[str, Any] = memory if isinstance(memory, dict) else {}
        project = self._memory.get("project")
        self.project_id = str(project.get("id", "")) if isinstance(project, dict) else ""
        self.cards = [
            Card(activity.title, card.title, _params(card, directives), _candidates(card, directives))
            for activity in plan
            for card in activity.cards
        ]
        self.asked_card = ""
        self.failed_waits = 0
        self.waited = False
        self.done: set[str] = set()
        self.failures: dict[str, Made] = {}
        self._failed: Counter[str] = Counter()
        self._recall(directives)
        for turn in conversation.turns:
            for made in turn:
                self._replay(made)

    def allows(self, call: Call) -> bool:
        """Return whether a call has not been made yet, or failed once in a way that a repetition may mend."""
        failed = self._failed[call.key]
        if call.key in self.done or not failed:
            return call.key not in self.done
        failure = self.failures[call.key].failure
        return failed == 1 and failure is not None and failure.worth_repeating

    def card(self, card_id: object) -> Card | None:
        """Find a card by its id."""
        return next((card for card in self.cards if card.id and card.id == card_id), None)

    def jobs(self) -> Iterator[tuple[Card, Job]]:
        """Go through all jobs with their cards."""
        for card in self.cards:
            for job in card.jobs.values():
                yield card, job

    def _recall(self, directives: Directives) -> None:
        """Take over what the memory knows of the plan's cards, and what else is on the board is left alone."""
        remembered: dict[tuple[str, str], dict[str, Any]] = {}
        for activity in _objects(self._memory.get("activities")):
            for known in _objects(activity.get("cards")):
                remembered.setdefault((_same(activity.get("title")), _same(known.get("title"))), known)
        for card in self.cards:
            if found := remembered.get((_same(card.activity), _same(card.title))):
                card.id, card.status = str(found.get("id", "")), str(found.get("status", "planned"))
                params = found.get("params")
                if isinstance(params, dict) and params.get("prompt"):
                    card.params = params | _simulate(directives)
        for job in _objects(self._memory.get("recent_jobs")):
            status = str(job.get("status"))
            # Failures of earlier runs are not retried: their card gets a job of this run.
            if (known_card := self.card(job.get("card_id"))) and status not in {"failed", "cancelled"}:
                job_id = str(job.get("job_id"))
                known_card.jobs[job_id] = Job(job_id, status, own=False)

    def _replay(self, made: Made) -> None:
        call, result = made.call, made.result
        if made.failure:
            self._failed[call.key] += 1
            self.failures[call.key] = made
            if call.name == "wait_for_jobs":
                self.failed_waits += 1
                self.waited = True
            return
        self._failed.pop(call.key, None)
        self.failures.pop(call.key, None)
        match call.name:
            case "create_activity_with_cards":
                self._created(call, result)
            case "create_job":
                self._started(result.get("card_id", call.arguments.get("card_id")), result)
            case "retry_job":
                self._retried(str(call.arguments.get("job_id")), result)
            case "wait_for_jobs":
                self._woken(result)
            case "list_candidates":
                self._listed(call, result)
            case "approve_asset":
                if card := self.card(call.arguments.get("card_id")):
                    card.asset = str(call.arguments.get("job_id"))
            case "request_approval":
                self._answered(call, result)
        # A person may be asked the same again, and waiting for the same may go on.
        if call.name not in {"wait_for_jobs", "request_approval"}:
            self.done.add(call.key)

    def _created(self, call: Call, result: Mapping[str, Any]) -> None:
        activity = result.get("activity")
        made = _objects(activity.get("cards")) if isinstance(activity, dict) else []
        for card in self.cards:
            if not card.id and _same(card.activity) == _same(call.arguments.get("title")):
                same = [each for each in made if _same(each.get("title")) == _same(card.title)]
                if same:
                    # Its jobs were started with it: none is to be started for a card that was to have none.
                    card.id, card.status = str(same[0].get("id", "")), "ordered"
        for job in _objects(result.get("jobs")):
            self._started(job.get("card_id"), job)

    def _started(self, card_id: object, job: Mapping[str, Any], retries: int = 0) -> None:
        job_id = job.get("job_id")
        if (card := self.card(card_id)) and job_id:
            card.status = "ordered"
            started = Job(str(job_id), str(job.get("status") or "queued"), retries=retries, round=len(card.words))
            card.jobs.setdefault(started.id, started)

    def _retried(self, job_id: str, result: Mapping[str, Any]) -> None:
        for card, job in list(self.jobs()):
            if job.id == job_id:
                job.retried = True
                self._started(card.id, result, job.retries + 1)

    def _woken(self, result: Mapping[str, Any]) -> None:
        self.waited = True
        self.failed_waits = 0
        known = {job.id: job for _, job in self.jobs()}
        for each in _objects(result.get("jobs")):
            if job := known.get(str(each.get("job_id"))):
                job.status = str(each.get("status") or job.status)
                job.error_code = each.get("error_code")
                if result.get("woken_by") == "deadline" and not job.ended:
                    job.deadlines += 1

    def _listed(self, call: Call, result: Mapping[str, Any]) -> None:
        if card := self.card(call.arguments.get("card_id")):
            for item in _objects(result.get("items")):
                job_id = str(item.get("job_id"))
                card.jobs.setdefault(job_id, Job(job_id, own=False)).status = "completed"
                if item.get("approved") is True:
                    card.asset = job_id

    def _answered(self, call: Call, result: Mapping[str, Any]) -> None:
        if card := self.card(call.arguments.get("card_id")):
            self.asked_card = card.id
            choices = call.arguments.get("choices")
            first = choices[0] if isinstance(choices, list) and choices else ""
            comment = str(result.get("comment") or "").strip()
            card.words.append(Word(result.get("approved") is True, str(result.get("choice") or first), comment))


def _params(card: PlannedCard, directives: Directives) -> dict[str, Any]:
    return {"prompt": card.prompt} | _simulate(directives)


def _simulate(directives: Directives) -> dict[str, Any]:
    return {} if directives.simulate is None else {"simulate": directives.simulate}


def _candidates(card: PlannedCard, directives: Directives) -> int:
    return card.candidates if directives.candidates is None else directives.candidates


def _same(title: object) -> str:
    return " ".join(str(title).split()).casefold()


def _objects(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
