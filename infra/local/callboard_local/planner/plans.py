"""What a brief asks for: activities with cards, each with a title and a prompt."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count

MAX_TITLE = 60
MAX_PROMPT = 4000
MAX_CONTEXT = 1500
TITLE_WORDS = 6
OPENING = re.compile(r"(?:(?:first|then|next|finally),?\s+)?(?:we\s+see\s+)?(?:(?:an?|the)\s+)?(?=\w)", re.IGNORECASE)
# A title ends before the details: a comma, a dash, a bracket.
DETAIL = re.compile("[,;:(\u2013\u2014]| - ")
# No title ends in one of these: it was cut in the middle.
DANGLING = re.compile(
    r"a|an|and|as|at|by|for|from|her|his|in|into|is|its|my|of|on|or|our|the|their|to|under|who|with", re.IGNORECASE
)
TRAILING = " .,;:!?-\u2013\u2014\u3002\uff01\uff1f"


@dataclass(frozen=True, slots=True)
class PlannedCard:
    """A card to be made, and how many pictures are ordered for it at once."""

    title: str
    prompt: str
    candidates: int = 1


@dataclass(frozen=True, slots=True)
class PlannedActivity:
    """Cards that belong together."""

    title: str
    cards: tuple[PlannedCard, ...]


type Plan = tuple[PlannedActivity, ...]


def short_title(text: str) -> str:
    """Return a title for a text: its first few words, without what leads up to it, up to the first detail."""
    plain = " ".join(text.split()).strip(TRAILING)
    if opening := OPENING.match(plain):
        plain = plain[opening.end() :]
    head = next((part for part in DETAIL.split(plain) if part.strip(TRAILING)), plain)
    words = head.strip(TRAILING).split()[:TITLE_WORDS]
    while len(words) > 1 and DANGLING.fullmatch(words[-1]):
        words.pop()
    title = cut(" ".join(words), MAX_TITLE).strip(TRAILING)
    return title[:1].upper() + title[1:] or "Picture"


def with_context(prompt: str, context: str) -> str:
    """Return a prompt that carries what the brief says about everything, as a paragraph of its own."""
    context = cut(" ".join(context.split()), MAX_CONTEXT)
    return "\n\n".join(part for part in (cut(prompt, MAX_PROMPT - MAX_CONTEXT), context) if part)


def cut(text: str, most: int) -> str:
    """Return a text of at most `most` characters, cut between words where it can be."""
    if len(text) <= most:
        return text
    return text[:most].rpartition(" ")[0] or text[:most]


def with_own_titles(titles: Iterable[str]) -> list[str]:
    """Number titles that come again: the memory tells cards apart by them."""
    taken: set[str] = set()
    own = []
    for title in titles:
        numbered = (title if number == 1 else f"{title} {number}" for number in count(1))
        free = next(each for each in numbered if each.casefold() not in taken)
        taken.add(free.casefold())
        own.append(free)
    return own


def fair_shares(wanted: Sequence[int], most: int) -> list[int]:
    """Share `most` out among those who want so many: who wants little gets it, the others get alike."""
    shares = [0] * len(wanted)
    while sum(shares) < most and shares != list(wanted):
        for number, want in enumerate(wanted):
            if shares[number] < want and sum(shares) < most:
                shares[number] += 1
    return shares
