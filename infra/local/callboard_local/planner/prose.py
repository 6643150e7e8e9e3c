"""Briefs in plain words: paragraphs become activities; lists, enumerations and sentences become cards."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from callboard_local.planner.markdown import BULLET
from callboard_local.planner.plans import (
    Plan,
    PlannedActivity,
    PlannedCard,
    cut,
    fair_shares,
    short_title,
    with_context,
    with_own_titles,
)

MAX_ACTIVITIES = 5
MAX_CARDS = 20
MAX_COUNT = 12
SHORT_WORDS = 14
HEADING_WORDS = 8
FIRST_CANDIDATES = 2
MAX_EXCERPT = 300

COUNTING = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
NUMBERS = {word: number for number, word in enumerate(COUNTING, start=1)} | {"few": 3, "several": 3, "some": 3}
NUMBER = rf"\d{{1,3}}|(?:a\s+)?(?:{'|'.join(NUMBERS)})"
KIND = (
    "shot|picture|image|photo|photograph|scene|illustration|variation|view|frame|visual|banner|card|portrait|drawing"
    "|painting|poster|still|sketch"
)
# "two warm product photos of bread": a number, what kind, and what of.
COUNTED = re.compile(
    rf"(?P<number>{NUMBER})\s+(?P<kind>(?:[\w-]+\s+){{0,3}}?(?:{KIND})s)\b"
    r"(?:\s*(?:of|for|from|showing|with|in|:|,)\s*|\s+|$)(?P<subject>.*)",
    re.IGNORECASE | re.DOTALL,
)
# How a wish begins; what is wished for follows.
WISH = re.compile(
    r"(?:please\s+)?(?:(?:we|i)(?:['\u2019]d| would| will)?\s+(?:need|want|like|love)(?:\s+to\s+(?:see|show|have))?"
    r"|(?:make|create|produce|generate|draw|paint|show|shoot)(?:\s+(?:me|us))?|give\s+(?:me|us)|there\s+(?:is|are))\s+",
    re.IGNORECASE,
)
# A sentence about all pictures rather than one.
ABOUT_ALL = re.compile(
    r"(?:(?:the\s+)?(?:overall\s+)?(?:mood|style|look|tone|feel|feeling|format|colou?rs?|palette|lighting|audience"
    r"|atmosphere)(?:\s*[:\u2013\u2014]|\s+(?:is|are|should|must)\b)"
    r"|(?:everything|overall|all\s+(?:of\s+)?(?:the\s+|these\s+)?(?:pictures|images|shots|photos|scenes))\b"
    r"|(?:they|it)\s+(?:all\s+)?(?:should|must)\b|(?:keep|avoid|use|no)\s|widescreen\b|portrait\s+format\b)",
    re.IGNORECASE,
)
NAMED = re.compile(r"an?|the|one|our|my|your|his|her|their|its|some|another|\d+", re.IGNORECASE)
SENTENCE_END = re.compile(r"(?<=[.!?])[\"'\u201d\u2019)]*\s+|(?<=[\u3002\uff01\uff1f])")
LAST_AND = re.compile(r"\s*,?\s+(?:and|&|plus)\s+", re.IGNORECASE)
# "Shot 1: ..." says nothing as a title.
LABEL = re.compile(rf"(?:(?:{KIND})\s*)?\d+\s*[:.)\u2013-]\s+", re.IGNORECASE)
VIEWS = ("wide view", "close view", "seen from above", "seen from the side", "seen from behind", "from a low angle")


@dataclass
class Block:
    """Lines that belong together: words, then bullets."""

    heading: str = ""
    words: str = ""
    bullets: list[str] = field(default_factory=list)


@dataclass
class Group:
    """An activity before it is known how many of its cards there is room for."""

    title: str
    cards: list[PlannedCard]
    introduction: str = ""


def plan_prose(text: str) -> Plan:
    """Plan a brief in plain words: 1 to 5 activities, at most 20 cards; nothing for a text without words."""
    if not re.search(r"\w", text):
        return ()
    blocks = list(_blocks(text))
    context = _take_context(blocks)
    groups = [group for block in blocks for group in _groups(block, alone=len(blocks) == 1) if group.cards]
    if not groups:
        # It only speaks of all pictures, so there is one, and that is what it shows.
        groups, context = [Group(short_title(text), [PlannedCard(short_title(text), " ".join(text.split()))])], ""
    groups = _merged(groups)
    shares = fair_shares([len(group.cards) for group in groups], MAX_CARDS)
    if not context and sum(shares) > 1 and not any(group.introduction for group in groups):
        context = f"Part of: {cut(' '.join(text.split()), MAX_EXCERPT)}"
    plan: list[PlannedActivity] = []
    for name, group, share in zip(with_own_titles(group.title for group in groups), groups, shares, strict=True):
        around = ". ".join(part.rstrip(".: ") for part in (group.introduction, context) if part)
        kept = group.cards[:share]
        titles = with_own_titles(card.title for card in kept)
        cards = tuple(
            PlannedCard(title, with_context(card.prompt, around), 1 if plan or number else FIRST_CANDIDATES)
            for number, (title, card) in enumerate(zip(titles, kept, strict=True))
        )
        plan.append(PlannedActivity(name, cards))
    return tuple(plan)


def cards_of_words(text: str) -> list[PlannedCard]:
    """Return the cards of a passage in plain words."""
    return [card for block in _blocks(text) for group in _groups(block, alone=False) for card in group.cards]


def _blocks(text: str) -> Iterator[Block]:
    """Read paragraphs and lists; a short line or one with a colon at its end heads what follows it."""
    pending: Block | None = None
    for paragraph in re.split(r"\n\s*\n", text):
        for block in _paragraph(paragraph):
            if pending and block.bullets and not block.words:
                block.words, block.heading = pending.words, pending.heading
            elif pending and _is_heading(pending.words):
                block.heading = pending.words
            elif pending:
                yield pending
            pending = None
            if block.bullets or not (_is_heading(block.words) or block.words.endswith(":")):
                yield block
            else:
                pending = block
    if pending:
        yield pending


def _paragraph(paragraph: str) -> Iterator[Block]:
    block = Block()
    lines = [line.strip().lstrip("#").strip() for line in paragraph.splitlines()]
    for number, line in enumerate(lines):
        if found := BULLET.fullmatch(line):
            block.bullets.append(found["text"])
        elif block.bullets and line and paragraph.splitlines()[number][:1].isspace():
            block.bullets[-1] += f" {line}"
        elif line:
            if block.bullets:
                yield block
                block = Block()
            block.words = f"{block.words} {line}".strip()
    if block.words or block.bullets:
        yield block


def _is_heading(words: str) -> bool:
    return 0 < len(words.split()) <= HEADING_WORDS and not re.search(r"[.!?;,\u3002]", words)


def _take_context(blocks: list[Block]) -> str:
    """Take what is about all pictures out of the blocks and return it."""
    about = []
    if len(blocks) > 1 and not blocks[0].bullets and any(_enumerates(block) for block in blocks[1:]):
        first = blocks[0]
        if not _enumerates(first):
            about.append(first.words)
            blocks.pop(0)
    for block in blocks:
        kept: list[str] = []
        for sentence in _sentences(block.words):
            (about if ABOUT_ALL.match(sentence) else kept).append(sentence)
        block.words = " ".join(kept)
    blocks[:] = [block for block in blocks if block.words or block.bullets]
    return " ".join(about)


def _enumerates(block: Block) -> bool:
    return bool(block.bullets) or any(len(_cards(sentence, short=False)) > 1 for sentence in _sentences(block.words))


def _groups(block: Block, *, alone: bool) -> Iterator[Group]:
    """Make activities of a block: of its list, or of its sentences, each enumeration by itself."""
    if block.bullets:
        introduction = block.words.rstrip(": ")
        title = block.heading or (short_title(_without(WISH, introduction)) if introduction else "")
        cards = [card for bullet in block.bullets for card in _cards(bullet, short=True)]
        yield Group(title or short_title(cards[0].title), cards, introduction)
        return
    sentences = _sentences(block.words)
    short = alone and len(sentences) == 1 and len(block.words.split()) <= SHORT_WORDS
    plain: list[str] = []
    groups: list[Group] = []
    for sentence in sentences:
        cards = _cards(sentence, short=short)
        if len(cards) == 1:
            plain.append(sentence)
            continue
        if plain:
            groups.append(_of_sentences(plain))
            plain = []
        introduction = _lead(sentence)
        title = short_title(introduction or _without(WISH, sentence))
        groups.append(Group(title, cards, introduction))
    if plain:
        groups.append(_of_sentences(plain))
    if block.heading and groups:
        groups[0].title = block.heading
    yield from groups


def _of_sentences(sentences: Sequence[str]) -> Group:
    cards = [card for sentence in sentences for card in _cards(sentence, short=True)]
    return Group(cards[0].title, cards)


def _cards(text: str, *, short: bool) -> list[PlannedCard]:
    """Make the cards that a sentence or a list's item asks for; a short one that wishes for nothing is one card."""
    text = _without(LABEL, text.strip())
    wanted = _without(WISH, text)
    wished = wanted != text
    if lead := _lead(text):
        rest = text.partition(":")[2].strip()
        items = _split(rest)
        if len(items) == 1:
            return [PlannedCard(short_title(lead), rest)]
        return [card for item in items for card in _counted(item) or [_card(item)]]
    if counted := _counted(wanted):
        return counted
    items = _split(wanted)
    by_semicolon = ";" in wanted.rstrip("; .")
    named = len(items) > 1 and all(NAMED.match(item) or _counted(item) for item in items)
    if items and (by_semicolon or (named and (wished or (len(items) > 2 and not short)))):
        return [card for item in items for card in _counted(item) or [_card(item)]]
    return [_card(wanted)]


def _without(beginning: re.Pattern[str], text: str) -> str:
    """Return a text without its beginning, unless that is all it says."""
    found = beginning.match(text)
    rest = text[found.end() :].strip() if found else ""
    return rest if re.search(r"\w", rest) else text


def _lead(sentence: str) -> str:
    """Return what stands before a colon, if something stands after it."""
    lead, _, rest = sentence.partition(":")
    # "10:30" and addresses have one as well.
    speaks = rest[:1].isspace() and re.search(r"\w", lead) and re.search(r"\w", rest)
    return lead.strip() if speaks and len(lead.split()) <= 2 * HEADING_WORDS else ""


def _counted(text: str) -> list[PlannedCard]:
    """Make the cards of "three shots of ..."; none if the text is not of that form."""
    found = COUNTED.match(text.strip())
    if found is None:
        return []
    word = found["number"].lower().split()[-1]
    number = min(MAX_COUNT, int(word) if word.isdecimal() else NUMBERS[word])
    subject = found["subject"].strip(" .;:")
    subject = subject if re.search(r"\w", subject) else ""
    items = _split(subject)
    if number > 1 and len(items) == number:
        return [_card(item) for item in items]
    what = subject or found["kind"].removesuffix("s")
    if len(items) > 1 and ";" in subject:
        return [_card(item) for item in items]
    if number < 2:
        return [_card(what)]
    title = short_title(what)
    return [
        PlannedCard(f"{title}, {VIEWS[nth % len(VIEWS)]}", f"{what}, {VIEWS[nth % len(VIEWS)]}")
        for nth in range(number)
    ]


def _split(text: str) -> list[str]:
    """Split an enumeration: at semicolons if it has any, else at commas, and at its last "and"."""
    separator = ";" if ";" in text else ","
    parts = [part.strip() for part in text.strip(" .").split(separator) if part.strip(" .")]
    if separator == "," and parts:
        *others, last = parts
        first, *rest = LAST_AND.split(last) if others or _names_both_sides(last) else [last]
        parts = [*others, first, *rest]
    items = [re.sub(r"^(?:and|plus|finally)\s+", "", part.strip(" ."), flags=re.IGNORECASE) for part in parts]
    return [item for item in items if re.search(r"\w", item)]


def _names_both_sides(text: str) -> bool:
    """Tell whether an "and" joins two things rather than two qualities: "a boat and a storm", not "wide and quiet"."""
    sides = LAST_AND.split(text)
    return len(sides) == 2 and all(NAMED.match(side.strip()) for side in sides)


def _card(text: str) -> PlannedCard:
    plain = " ".join(text.split()).strip(" ;,")
    title, colon, rest = plain.partition(":")
    if colon and rest[:1].isspace() and re.search(r"\w", rest) and len(title.split()) <= HEADING_WORDS:
        return PlannedCard(short_title(title), rest.strip())
    return PlannedCard(short_title(plain), plain[:1].upper() + plain[1:])


def _sentences(text: str) -> list[str]:
    return [sentence for part in SENTENCE_END.split(text) if re.search(r"\w", sentence := part.strip())]


def _merged(groups: list[Group]) -> list[Group]:
    """Put neighbours together until there are few enough."""
    count = min(MAX_ACTIVITIES, len(groups))
    bounds = [round(number * len(groups) / count) for number in range(count + 1)]
    merged = []
    for start, end in pairwise(bounds):
        first, *others = groups[start:end]
        cards = [*first.cards, *(card for group in others for card in group.cards)]
        merged.append(Group(first.title, cards, first.introduction if not others else ""))
    return merged
