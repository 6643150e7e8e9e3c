"""Briefs in Markdown, read with patience: a title, a description, `## activity`, `- Card (2 candidates): prompt`."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from callboard_local.planner.plans import (
    Plan,
    PlannedActivity,
    PlannedCard,
    cut,
    short_title,
    with_context,
    with_own_titles,
)

# What the board takes in one request is more than that; a brief that long is a mistake.
MAX_ACTIVITIES = 20
MAX_CARDS = 50
MAX_WRITTEN_TITLE = 180
MAX_CANDIDATES = 8

HEADING = re.compile(r"#{2,6}\s+(?P<title>.*\S)\s*")
TITLE = re.compile(r"#\s+(?P<title>.*\S)\s*")
BULLET = re.compile(r"(?:[-*+\u2022]|\d{1,3}[.)])\s+(?P<text>.*\S)\s*")
CARD = re.compile(
    r"(?P<title>[^:]{1,180}?)\s*(?:\((?P<candidates>\d{1,3})\s+candidates?\))?\s*:\s+(?P<prompt>.+)", re.IGNORECASE
)
CANDIDATES = re.compile(r"\s*\((?P<candidates>\d{1,3})\s+candidates?\)", re.IGNORECASE)


@dataclass
class Section:
    """A heading and what stands under it."""

    title: str
    bullets: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)


def is_markdown(text: str) -> bool:
    """Tell whether a brief is written in Markdown: it has headings."""
    return any(HEADING.fullmatch(line.strip()) or TITLE.fullmatch(line.strip()) for line in text.splitlines())


def plan_markdown(text: str, cards_of_words: Callable[[str], list[PlannedCard]]) -> Plan:
    """Plan a brief in Markdown; `cards_of_words` makes cards of an activity that is told in plain words."""
    title, description, sections = _sections(text)
    activities = []
    for section in sections[:MAX_ACTIVITIES]:
        if section.bullets:
            cards = [_card(bullet) for bullet in section.bullets[:MAX_CARDS]]
            context = " ".join([description, *section.words])
        else:
            cards, context = cards_of_words("\n".join(section.words))[:MAX_CARDS], description
        if cards:
            own = with_own_titles(card.title for card in cards)
            planned = tuple(
                PlannedCard(name, with_context(card.prompt, context), card.candidates)
                for name, card in zip(own, cards, strict=True)
            )
            activities.append(PlannedActivity(cut(section.title or title, MAX_WRITTEN_TITLE) or "Pictures", planned))
    own = with_own_titles(activity.title for activity in activities)
    return tuple(PlannedActivity(name, activity.cards) for name, activity in zip(own, activities, strict=True))


def _sections(text: str) -> tuple[str, str, list[Section]]:
    title, description = "", []
    sections: list[Section] = []
    after_blank = True
    for line in text.splitlines():
        stripped = line.strip()
        section = sections[-1] if sections else None
        if found := HEADING.fullmatch(stripped):
            sections.append(Section(found["title"]))
        elif found := TITLE.fullmatch(stripped):
            if title:
                sections.append(Section(found["title"]))
            title = title or found["title"]
        elif found := BULLET.fullmatch(stripped):
            if section is None:
                section = Section(title)
                sections.append(section)
            section.bullets.append(found["text"])
        elif section is None:
            description.append(stripped)
        elif section.bullets and stripped and not after_blank:
            section.bullets[-1] += f" {stripped}"
        else:
            section.words.append(stripped)
        after_blank = not stripped
    return title, " ".join(" ".join(description).split()), sections


def _card(bullet: str) -> PlannedCard:
    if found := CARD.fullmatch(bullet):
        title, prompt, candidates = found["title"], found["prompt"], found["candidates"]
    else:
        counted = CANDIDATES.search(bullet)
        prompt = CANDIDATES.sub("", bullet).strip()
        title, candidates = short_title(prompt), counted["candidates"] if counted else None
    title = title.strip().strip("*_").strip() or short_title(prompt)
    return PlannedCard(title, prompt.strip(), min(MAX_CANDIDATES, max(1, int(candidates or 1))))
