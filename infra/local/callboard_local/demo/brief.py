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
"""

import re
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from callboard_local.errors import StackError

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
MAX_CANDIDATES = 4

CARD_LINE = re.compile(r"-\s+(?P<title>[^:]+?)\s*(?:\((?P<candidates>\d+) candidates?\))?\s*:\s*(?P<prompt>.+)")


class BriefError(StackError):
    """The brief cannot be read; the message names the file and the line."""

    def __init__(self, path: Path, line: int, problem: str) -> None:
        super().__init__(f"{path.name}, line {line}: {problem}")
        self.line = line


class BriefCard(BaseModel):
    """One picture to be made, from so many candidates."""

    model_config = ConfigDict(extra="forbid")

    title: Title
    prompt: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
    candidates: int = Field(default=1, ge=1, le=MAX_CANDIDATES)


class BriefActivity(BaseModel):
    """Cards that belong together."""

    model_config = ConfigDict(extra="forbid")

    title: Title
    cards: list[BriefCard] = Field(min_length=1, max_length=50)


class Brief(BaseModel):
    """A production to be made."""

    model_config = ConfigDict(extra="forbid")

    title: Title
    description: str = Field(default="", max_length=10_000)
    activities: list[BriefActivity] = Field(min_length=1, max_length=20)

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
    except (OSError, UnicodeDecodeError) as error:
        raise BriefError(path, 1, f"the file cannot be read: {error}") from error
    if path.suffix in {".yaml", ".yml"}:
        return _read_yaml(path, text)
    if path.suffix == ".md":
        return _read_markdown(path, text)
    raise BriefError(path, 1, "a brief ends in .md, .yaml or .yml")


def _read_yaml(path: Path, text: str) -> Brief:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BriefError(path, line, f"not valid YAML: {error.problem}") from error
    try:
        return Brief.model_validate(content)
    except ValidationError as error:
        fault = error.errors()[0]
        field = ".".join(str(part) for part in fault["loc"])
        raise BriefError(path, _line_of(node, fault["loc"]), f"{field or 'the brief'}: {fault['msg']}") from error


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
    lines: list[int] = []
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped:
            continue
        if stripped.startswith("## "):
            if not title:
                raise BriefError(path, number, "the title (# ...) comes first")
            activities.append({"title": stripped[3:].strip(), "cards": []})
            lines.append(number)
        elif stripped.startswith("# "):
            if title:
                raise BriefError(path, number, "a brief has one title (# ...)")
            title = stripped[2:].strip()
        elif stripped.startswith("- "):
            if not activities:
                raise BriefError(path, number, "a card stands under an activity (## ...)")
            activities[-1]["cards"].append(_card(path, number, stripped))
        elif activities:
            raise BriefError(path, number, "under an activity stand cards only: - title: what the picture shows")
        elif title:
            description.append(stripped)
        else:
            raise BriefError(path, number, "a brief starts with its title: # ...")
    if not activities:
        raise BriefError(path, max(1, len(text.splitlines())), "a brief has at least one activity (## ...)")
    for activity, number in zip(activities, lines, strict=True):
        if not activity["cards"]:
            raise BriefError(path, number, "this activity has no cards")
    try:
        return Brief.model_validate({"title": title, "description": " ".join(description), "activities": activities})
    except ValidationError as error:
        fault = error.errors()[0]
        at = fault["loc"][1] if len(fault["loc"]) > 1 and fault["loc"][0] == "activities" else None
        line_number = lines[at] if isinstance(at, int) else 1
        raise BriefError(path, line_number, str(fault["msg"])) from error


def _card(path: Path, number: int, line: str) -> dict[str, Any]:
    match = CARD_LINE.fullmatch(line)
    if match is None:
        raise BriefError(path, number, "a card is written: - title: what the picture shows")
    candidates = int(match["candidates"] or 1)
    if not 1 <= candidates <= MAX_CANDIDATES:
        raise BriefError(path, number, f"a card has 1 to {MAX_CANDIDATES} candidates")
    return {"title": match["title"], "prompt": match["prompt"], "candidates": candidates}
