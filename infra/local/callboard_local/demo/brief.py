"""Briefs: what is to be produced, written by a person in Markdown or YAML.

Markdown:

    # Title
    Some words about it.

    ## An activity
    - A card (2 candidates): what its picture shows
    - Another card: what its picture shows

YAML:

    title: Title
    description: Some words about it.
    activities:
      - title: An activity
        cards:
          - title: A card
            prompt: what its picture shows
            candidates: 2

The agent reads Markdown, so that is what either becomes; what Markdown cannot say is no part of a brief.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from yaml.reader import ReaderError

from callboard.fields import message_of
from callboard_local.errors import StackError
from callboard_local.planner.directives import DirectiveError, read_directives

MAX_CANDIDATES = 4
# What the agent takes.
MAX_CHARACTERS = 20_000

# A line that begins like this is a heading or part of a list to whoever reads Markdown.
STRUCTURE = re.compile(r"#{1,6}\s|[-*+\u2022]\s|\d{1,3}[.)]\s")
CARD_LINE = re.compile(r"-\s+(?P<title>[^:]+?)\s*(?:\((?P<candidates>\d+) candidates?\))?\s*:\s*(?P<prompt>.+)")


def same_title(one: str, other: str) -> bool:
    """Return whether two titles are the same to whoever reads them."""
    return one.casefold() == other.casefold()


def _on_one_line(text: Any) -> Any:
    return " ".join(text.split()) if isinstance(text, str) else text


def _of_card(title: str) -> str:
    """Take the emphasis off a card's title, as the agent does."""
    if ":" in title:
        raise ValueError("a card's title has no colon: that is where the prompt begins")
    if not (plain := title.strip("*_ ")):
        raise ValueError("a card's title has words")
    return plain


def _words(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in lines:
        if STRUCTURE.match(line):
            raise ValueError(f"a line of the description begins like a heading or a list: {line[:40]}")
    return "\n".join(lines)


def _told_apart(parts: list[Any]) -> list[Any]:
    count = Counter(part.title.casefold() for part in parts)
    for part in parts:
        if count[part.title.casefold()] > 1:
            raise ValueError(f"the title {part.title!r} is there more than once; the agent tells them apart by it")
    return parts


type Title = Annotated[str, BeforeValidator(_on_one_line), StringConstraints(min_length=1, max_length=180)]
type CardTitle = Annotated[Title, AfterValidator(_of_card)]
type Prompt = Annotated[str, BeforeValidator(_on_one_line), StringConstraints(min_length=1, max_length=2000)]


class BriefError(StackError):
    """The brief cannot be read; the message names the file and the line."""

    def __init__(self, path: Path, line: int, problem: str) -> None:
        super().__init__(f"{path.name}, line {line}: {problem}")
        self.line = line


class BriefCard(BaseModel):
    """One picture to be made, from so many candidates."""

    model_config = ConfigDict(extra="forbid")

    title: CardTitle
    prompt: Prompt
    candidates: int = Field(default=1, ge=1, le=MAX_CANDIDATES)


class BriefActivity(BaseModel):
    """Cards that belong together."""

    model_config = ConfigDict(extra="forbid")

    title: Title
    cards: Annotated[list[BriefCard], Field(min_length=1, max_length=50), AfterValidator(_told_apart)]


class Brief(BaseModel):
    """A production to be made."""

    model_config = ConfigDict(extra="forbid")

    title: Title
    description: Annotated[str, Field(max_length=10_000), AfterValidator(_words)] = ""
    activities: Annotated[list[BriefActivity], Field(min_length=1, max_length=20), AfterValidator(_told_apart)]

    @property
    def cards(self) -> list[BriefCard]:
        """All cards, in order."""
        return [card for activity in self.activities for card in activity.cards]


def default_brief() -> Path:
    """Return the brief that comes with the demo."""
    return Path(__file__).with_name("lighthouse.md")


def read_brief(path: Path) -> Brief:
    """Read a brief by its file name's ending: .md, .yaml or .yml.

    Raises:
        BriefError: It is not one; the message says where.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BriefError(path, 1, f"the file cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = 1 + error.object[: error.start].count(b"\n")
        raise BriefError(path, line, "this is not UTF-8; save the file in that encoding") from error
    _check_directives(path, text)
    if path.suffix in {".yaml", ".yml"}:
        brief = _read_yaml(path, text)
    elif path.suffix == ".md":
        brief = _read_markdown(path, text)
    else:
        raise BriefError(path, 1, "a brief ends in .md, .yaml or .yml")
    if (length := len(as_markdown(brief))) > MAX_CHARACTERS:
        raise BriefError(path, 1, f"the brief has {length} characters; the agent takes {MAX_CHARACTERS}")
    return brief


def _check_directives(path: Path, text: str) -> None:
    """Refuse what the planner would, so that it is known before a run is."""
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            read_directives(line)
        except DirectiveError as error:
            raise BriefError(path, number, str(error)) from error


def as_markdown(brief: Brief) -> str:
    """Write a brief as the agent takes it; reading that gives the same brief again."""
    parts = [f"# {brief.title}", *([brief.description] if brief.description else [])]
    for activity in brief.activities:
        parts += [f"## {activity.title}", "\n".join(_card_line(card) for card in activity.cards)]
    return "\n\n".join(parts) + "\n"


def _card_line(card: BriefCard) -> str:
    # A title that ends in a bracket could be taken for one with a number of candidates.
    if card.candidates == 1 and not card.title.endswith(")"):
        return f"- {card.title}: {card.prompt}"
    return f"- {card.title} ({card.candidates} candidate{'s' if card.candidates > 1 else ''}): {card.prompt}"


def _read_yaml(path: Path, text: str) -> Brief:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        # What is missing at the end is missing in the last line, not in the one behind it.
        line = min(error.problem_mark.line + 1 if error.problem_mark else 1, max(1, len(text.splitlines())))
        raise BriefError(path, line, f"not valid YAML: {error.problem}") from error
    except ReaderError as error:
        line = 1 + text.count("\n", 0, error.position)
        raise BriefError(path, line, f"not valid YAML: {error.reason}") from error
    except ValueError as error:
        # What looks like a date, and is none.
        raise BriefError(path, 1, f"not valid YAML: {error}") from error
    try:
        return Brief.model_validate(content)
    except ValidationError as error:
        fault = error.errors()[0]
        field = ".".join(str(part) for part in fault["loc"])
        raise BriefError(
            path, _line_of(node, fault["loc"]), f"{field or 'the brief'}: {_reason(message_of(fault))}"
        ) from error


def _reason(message: str) -> str:
    return message.removeprefix("Value error, ")


def _line_of(node: Any, location: tuple[int | str, ...]) -> int:
    """Follow a path into a YAML tree as far as it exists."""
    line = 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == part]
            if not found:
                break
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _read_markdown(path: Path, text: str) -> Brief:
    title = ""
    description: list[str] = []
    activities: list[dict[str, Any]] = []
    lines: list[tuple[int, list[int]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped:
            continue
        if stripped.startswith("## "):
            if not title:
                raise BriefError(path, number, "the title (# ...) comes first")
            activities.append({"title": stripped[3:].strip(), "cards": []})
            lines.append((number, []))
        elif stripped.startswith("# "):
            if title:
                raise BriefError(path, number, "a brief has one title (# ...)")
            title = stripped[2:].strip()
        elif stripped.startswith("- "):
            if not activities:
                raise BriefError(path, number, "a card stands under an activity (## ...)")
            activities[-1]["cards"].append(_card(path, number, stripped))
            lines[-1][1].append(number)
        elif activities:
            raise BriefError(path, number, "under an activity stand cards only: - title: what the picture shows")
        elif STRUCTURE.match(stripped):
            raise BriefError(path, number, "only the title (#), activities (##) and their cards (-) begin like this")
        elif title:
            description.append(stripped)
        else:
            raise BriefError(path, number, "a brief starts with its title: # ...")
    if not activities:
        raise BriefError(path, max(1, len(text.splitlines())), "a brief has at least one activity (## ...)")
    for activity, (number, _) in zip(activities, lines, strict=True):
        if not activity["cards"]:
            raise BriefError(path, number, "this activity has no cards")
    try:
        return Brief.model_validate({"title": title, "description": "\n".join(description), "activities": activities})
    except ValidationError as error:
        fault = error.errors()[0]
        raise BriefError(path, _line_in(lines, fault["loc"]), _reason(fault["msg"])) from error


def _line_in(lines: list[tuple[int, list[int]]], location: tuple[int | str, ...]) -> int:
    """Return the line of the activity or card at a path, given those of all; else the first."""
    match location:
        case ("activities", int(activity), "cards", int(card), *_):
            return lines[activity][1][card]
        case ("activities", int(activity), *_):
            return lines[activity][0]
    return 1


def _card(path: Path, number: int, line: str) -> dict[str, Any]:
    match = CARD_LINE.fullmatch(line)
    if match is None:
        raise BriefError(path, number, "a card is written: - title: what the picture shows")
    candidates = int(match["candidates"] or 1)
    if not 1 <= candidates <= MAX_CANDIDATES:
        raise BriefError(path, number, f"a card has 1 to {MAX_CANDIDATES} candidates")
    return {"title": match["title"], "prompt": match["prompt"], "candidates": candidates}
