"""Briefs."""

from pathlib import Path

import pytest

from callboard_local.demo.brief import Brief, BriefError, default_brief, read_brief


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_the_shipped_brief_is_a_production_worth_showing() -> None:
    brief = read_brief(default_brief())

    assert len(brief.activities) >= 3
    assert len(brief.cards) >= 12
    assert any(card.candidates == 2 for card in brief.cards)


def test_markdown_and_yaml_say_the_same(tmp_path: Path) -> None:
    markdown = write(tmp_path, "b.md", "# T\nWords.\n\n## A\n- One (2 candidates): a lamp\n- Two: a sea\n")
    yaml = write(
        tmp_path,
        "b.yaml",
        "title: T\ndescription: Words.\nactivities:\n  - title: A\n    cards:\n"
        "      - {title: One, prompt: a lamp, candidates: 2}\n      - {title: Two, prompt: a sea}\n",
    )

    assert read_brief(markdown) == read_brief(yaml)
    assert isinstance(read_brief(yaml), Brief)


@pytest.mark.parametrize(
    ("name", "text", "line", "problem"),
    [
        ("a.md", "words\n", 1, "starts with its title"),
        ("a.md", "# T\n- A: b\n", 2, "under an activity"),
        ("a.md", "# T\n## A\n- no colon\n", 3, "a card is written"),
        ("a.md", "# T\n## A\n- A (9 candidates): b\n", 3, "1 to 4 candidates"),
        ("a.md", "# T\n## A\n", 2, "no cards"),
        ("a.md", "# T\n# U\n", 2, "one title"),
        ("a.md", "# T\n", 1, "at least one activity"),
        ("a.md", "# T\n## A\n- A: b\nstray\n", 4, "cards only"),
        ("a.yaml", "title: [\n", 2, "not valid YAML"),
        ("a.yaml", "title: T\nactivities:\n  - title: A\n    cards:\n      - title: One\n", 5, "prompt"),
        (
            "a.yaml",
            "title: T\nactivities:\n  - title: A\n    colour: red\n    cards: [{title: B, prompt: c}]\n",
            4,
            "colour",
        ),
        ("a.txt", "x", 1, "ends in"),
    ],
)
def test_a_bad_brief_is_refused_with_its_line(tmp_path: Path, name: str, text: str, line: int, problem: str) -> None:
    with pytest.raises(BriefError, match=problem) as caught:
        read_brief(write(tmp_path, name, text))

    assert caught.value.line == line
    assert f"line {line}" in str(caught.value)
