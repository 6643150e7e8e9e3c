"""The production assistant: plan, order, wait, retry, judge, ask, and say how it went."""

from collections import Counter

from callboard_local.planner.board import Board, Card, Job
from callboard_local.planner.briefs import plan
from callboard_local.planner.chat import Answer, Call
from callboard_local.planner.conversation import Conversation
from callboard_local.planner.directives import Directives

MAX_TURNS = 30
MAX_ROUNDS = 2
MAX_FAILED_WAITS = 2
NO_BRIEF = "There is no brief yet: tell me what the pictures are to show, and I plan and produce them."


class Production:
    """One turn of the assistant, computed from the conversation so far."""

    def __init__(self, brief: str, conversation: Conversation, directives: Directives) -> None:
        self._directives = directives
        self._turns = len(conversation.turns)
        self.board = Board(plan(brief), conversation, directives)

    def answer(self) -> Answer:
        """Do what comes next."""
        if not self.board.cards:
            return Answer(NO_BRIEF)
        if self._turns >= MAX_TURNS:
            return Answer(f"Stopped after {MAX_TURNS} turns. {self._summary()}")
        orders = self._allowed(self._orders())
        if orders or self._waiting():
            wait = self._wait(orders)
            words = "" if self._turns else f"{self._size()}. Ordering what is missing."
            return Answer(words, (*orders, *wait))
        lists = self._allowed(self._lists())
        if lists:
            return Answer("", lists)
        judged = self._judge()
        return Answer("", judged) if judged else Answer(self._summary())

    def _allowed(self, calls: list[Call]) -> tuple[Call, ...]:
        return tuple(call for call in calls if self.board.allows(call))

    def _orders(self) -> list[Call]:
        """Start what is missing: activities, jobs of cards without any, retries, pictures after a comment."""
        creations = [self.creation(title) for title in dict.fromkeys(card.activity for card in self.board.cards)]
        calls = [call for call in creations if call.arguments["cards"]]
        for card in self.board.cards:
            if card.status in {"planned", "failed"} and not card.asset:
                calls.append(Call("create_job", {"card_id": card.id, "params": card.params}))
        calls += [Call("retry_job", {"job_id": job.id}) for _, job in self.board.jobs() if job.worth_retrying]
        for card in self.board.cards:
            if self._wants_another(card):
                comments = " ".join(word.comment for word in card.words)
                params = card.params | {"prompt": f"{card.params['prompt']}\n\n{comments}"}
                calls.append(Call("create_job", {"card_id": card.id, "params": params}))
        return calls

    def creation(self, activity: str) -> Call:
        """Return the call that makes an activity with those of its cards that the board does not have."""
        missing = [card for card in self.board.cards if not card.id and card.activity == activity]
        cards = [{"title": card.title, "params": card.params, "candidates": card.candidates} for card in missing]
        return Call(
            "create_activity_with_cards", {"project_id": self.board.project_id, "title": activity, "cards": cards}
        )

    def _wants_another(self, card: Card) -> bool:
        if not card.words or card.approved or len(card.words) > MAX_ROUNDS:
            return False
        ordered = any(job.round == len(card.words) for job in card.jobs.values())
        return not card.words[-1].approved and bool(card.words[-1].comment) and not ordered

    def _waiting(self) -> bool:
        awaited = any(job.awaited for _, job in self.board.jobs())
        return awaited and self.board.failed_waits < MAX_FAILED_WAITS

    def _wait(self, orders: tuple[Call, ...]) -> tuple[Call, ...]:
        """Return the call that waits for what is under way, if something is."""
        started = sum(_starts(call) for call in orders)
        jobs = [job for _, job in self.board.jobs() if job.awaited]
        if self.board.failed_waits >= MAX_FAILED_WAITS or not started + len(jobs):
            return ()
        arguments: dict[str, object] = {"mode": self._directives.wait, "deadline_seconds": self._directives.deadline}
        own = [job for _, job in self.board.jobs() if job.own and not job.ended]
        # What is started in this turn has no ids yet, so these waits are for all jobs of the run.
        if not started and [job.id for job in jobs] != [job.id for job in own]:
            arguments["job_ids"] = [job.id for job in jobs]
        if self._directives.wait == "quorum":
            arguments["quorum"] = max(1, min(self._directives.quorum, started + len(jobs)))
        return (Call("wait_for_jobs", arguments),)

    def _lists(self) -> list[Call]:
        """Look up the candidates of cards about which a wait told nothing."""
        blind = self.board.failed_waits > 0
        unknown = [
            card
            for card in self.board.cards
            if card.id
            and not card.approved
            and (
                card.status == "review"
                or (card.status == "generating" and not card.jobs)
                or (blind and any(not job.ended for job in card.jobs.values()))
            )
        ]
        return [Call("list_candidates", {"card_id": card.id}) for card in unknown]

    def _judge(self) -> tuple[Call, ...]:
        """Approve the best of each card, but leave one to a person."""
        asked = self._asked()
        approvals = []
        for card in self.board.cards:
            if card.approved or not card.completed:
                continue
            if card is not asked:
                approvals.append(_approval(card, card.completed[0]))
            elif card.words and card.words[-1].approved:
                approvals.append(_approval(card, card.words[-1].choice))
        questions = [_question(asked)] if asked and self._open(asked) else []
        return (*self._allowed(approvals), *self._allowed(questions))

    def _asked(self) -> Card | None:
        """Return the card that a person decides about; there is one in a run."""
        if self.board.asked_card:
            return self.board.card(self.board.asked_card)
        if self._directives.ask == "never":
            return None
        least = 1 if self._directives.ask == "always" else 2
        asked = [made.call.arguments.get("card_id") for made in self.board.failures.values() if _asks(made.call)]
        if asked:
            return self.board.card(asked[0])
        return next((card for card in self.board.cards if not card.approved and len(card.completed) >= least), None)

    def _open(self, card: Card) -> bool:
        """Return whether a person is to be asked about a card now: at first, or about pictures made after a comment."""
        if card.approved or not card.completed:
            return False
        newest = card.jobs[card.completed[0]].round
        return not card.words or (not card.words[-1].approved and newest == len(card.words))

    def _size(self) -> str:
        activities = len({card.activity for card in self.board.cards})
        return f"{_number(activities, 'activity', 'activities')} with {_number(len(self.board.cards), 'card', 'cards')}"

    def _summary(self) -> str:
        approved = [card for card in self.board.cards if card.approved]
        left = [card for card in self.board.cards if not card.approved]
        begin = "" if left or self._turns else "All of this brief is done already: "
        text = f"{begin}{self._size()}, {_number(len(approved), 'picture', 'pictures')} approved."
        lines = [f"- {card.title} ({card.activity}): {self._reason(card)}" for card in left]
        failures = [
            f"- {made.call.name}: {made.failure.message}" for made in self.board.failures.values() if made.failure
        ]
        parts = [text]
        if lines:
            parts.append("\n".join(["Without a picture:", *lines]))
        if failures:
            parts.append("\n".join(["Calls that failed:", *dict.fromkeys(failures)]))
        return "\n\n".join(parts)

    def _reason(self, card: Card) -> str:
        """Say why a card has no picture."""
        if not card.id:
            return "it could not be created"
        jobs = list(card.jobs.values())
        if card.words and not card.words[-1].approved:
            newest = [job for job in jobs if job.round == len(card.words)]
            if newest:
                return f"turned down; of the jobs for a new one: {_what_became_of(newest)}"
            return "turned down" if len(card.words) == 1 else f"turned down {len(card.words)} times"
        if card.completed:
            return "it could not be approved" if self._turns < MAX_TURNS else "it was not decided in time"
        return f"of {_number(len(jobs), 'job', 'jobs')}: {_what_became_of(jobs)}" if jobs else "no job was started"


def _what_became_of(jobs: list[Job]) -> str:
    causes = Counter(
        f"failed ({job.error_code or 'no reason given'})"
        if job.status == "failed"
        else f"{'was' if job.ended else 'is still'} {job.status}"
        for job in jobs
        if not job.retried
    )
    return ", ".join(f"{count} {cause}" for cause, count in causes.items())


def _approval(card: Card, job_id: str) -> Call:
    return Call("approve_asset", {"card_id": card.id, "job_id": job_id})


def _question(card: Card) -> Call:
    count = len(card.completed)
    there = "is 1 candidate" if count == 1 else f"are {count} candidates"
    again = " A new one was made after your comment and comes first." if card.words else ""
    return Call(
        "request_approval",
        {
            "question": f"Which picture is right for \u201c{card.title}\u201d ({card.activity})? There {there}.{again}",
            "card_id": card.id,
            "choices": card.completed,
        },
    )


def _asks(call: Call) -> bool:
    return call.name == "request_approval"


def _starts(call: Call) -> int:
    """Return how many jobs a call starts."""
    if call.name == "create_activity_with_cards":
        return sum(int(card["candidates"]) for card in call.arguments["cards"])
    return 1


def _number(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
