"""The review assistant: one candidate of a card is recommended, with the rule that chose it."""

import re
from typing import Any

from callboard_local.planner.chat import Answer, Call
from callboard_local.planner.conversation import Conversation

WORD = re.compile(r"\w+")


def review(conversation: Conversation) -> Answer:
    """Recommend the candidate whose parameters match the card's best, of several such the oldest."""
    candidates = conversation.json_block("candidates")
    candidates = [each for each in candidates or () if isinstance(each, dict) and each.get("job_id")]
    if not candidates:
        return Answer("There are no candidates to choose from.")
    card = conversation.json_block("card")
    wanted = card.get("params") if isinstance(card, dict) else None
    wanted = wanted if isinstance(wanted, dict) else {}
    matches = [(_match(wanted, each.get("params")), each) for each in candidates]
    best = max(match for match, _ in matches)
    alike = sorted(
        (each for match, each in matches if match == best),
        key=lambda each: (str(each.get("created_at") or ""), str(each["job_id"])),
    )
    job_id = str(alike[0]["job_id"])
    reason = _reason(best, len(alike), len(candidates))
    call = Call("recommend_candidate", {"job_id": job_id, "reason": reason})
    made = [each for turn in conversation.turns for each in turn if each.call.name == call.name]
    if made and made[-1].failure is None:
        return Answer(f"Recommended {job_id}: {reason}")
    if made and made[-1].failure and (len(made) > 1 or not made[-1].failure.worth_repeating):
        return Answer(f"{job_id} could not be recommended: {made[-1].failure.message}")
    return Answer("", (call,))


def _match(wanted: dict[str, Any], params: object) -> float:
    """Return how much of the card's parameters a candidate was made from, from 0 to 1."""
    given = params if isinstance(params, dict) else {}
    if not wanted:
        return 0.0
    return sum(_likeness(value, given.get(name)) for name, value in wanted.items()) / len(wanted)


def _likeness(wanted: object, given: object) -> float:
    if wanted == given:
        return 1.0
    if isinstance(wanted, str) and isinstance(given, str):
        ours, theirs = set(WORD.findall(wanted.lower())), set(WORD.findall(given.lower()))
        return len(ours & theirs) / len(ours | theirs) if ours | theirs else 0.0
    return 0.0


def _reason(match: float, alike: int, all_of_them: int) -> str:
    if all_of_them == 1:
        return "It is the only candidate."
    if alike == 1:
        return f"Of {all_of_them} candidates its parameters match the card's best ({match:.0%})."
    return f"It is the oldest of {alike} candidates whose parameters match the card's best ({match:.0%})."
