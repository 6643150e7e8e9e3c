"""Briefs."""

from pathlib import Path

import pytest

from callboard_local.demo.brief import Brief, BriefError, as_markdown, default_brief, read_brief
from callboard_local.planner.briefs import plan


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


YAML = """
title: The harbour [draft]
description: |
  Mood: calm.

  planner: ask=never
activities:
  - title: "Loop: long"
    cards:
      - title: Quay (2 candidates)
        prompt: >
          A quay at night,
          one lamp: warm
      - {title: "*Water*", prompt: "- still", candidates: 3}
"""


def test_markdown_for_the_agent_is_read_as_the_same_brief(tmp_path: Path) -> None:
    brief = read_brief(write(tmp_path, "b.yaml", YAML))

    assert read_brief(write(tmp_path, "b.md", as_markdown(brief))) == brief
    assert read_brief(write(tmp_path, "c.md", as_markdown(read_brief(default_brief())))) == read_brief(default_brief())


def test_markdown_for_the_agent_keeps_lines_of_the_description_and_puts_prompts_on_one(tmp_path: Path) -> None:
    text = as_markdown(read_brief(write(tmp_path, "b.yaml", YAML)))

    assert text == (
        "# The harbour [draft]\n\nMood: calm.\nplanner: ask=never\n\n## Loop: long\n\n"
        "- Quay (2 candidates) (1 candidate): A quay at night, one lamp: warm\n- Water (3 candidates): - still\n"
    )


def test_scripted_planner_plans_the_cards_of_the_brief(tmp_path: Path) -> None:
    brief = read_brief(write(tmp_path, "b.yaml", YAML))

    planned = plan(as_markdown(brief))

    assert [(one.title, [(card.title, card.candidates) for card in one.cards]) for one in planned] == [
        (one.title, [(card.title, card.candidates) for card in one.cards]) for one in brief.activities
    ]


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
        ("a.yaml", "title: [\n", 1, "not valid YAML"),
        ("a.yaml", "title: T\nactivities:\n  - title: A\n    cards:\n      - title: One\n", 5, "prompt"),
        (
            "a.yaml",
            "title: T\nactivities:\n  - title: A\n    colour: red\n    cards: [{title: B, prompt: c}]\n",
            4,
            "colour",
        ),
        ("a.yaml", "", 1, "the brief: Input should be an object"),
        ("a.yaml", "title: T\ndescription: a\x00b\n", 2, "special characters are not allowed"),
        ("a.yaml", "title: 2026-13-01\n", 1, "not valid YAML: month"),
        ("a.txt", "x", 1, "ends in"),
        ("a.md", "# T\nplanner: slow=soon\n## A\n- A: b\n", 2, "The directive slow cannot be 'soon'"),
        ("a.md", "# T\n* not a card\n## A\n- A: b\n", 2, "begin like this"),
        ("a.md", "# T\n## A\n- A: b\n- a: c\n", 2, "'A' is there more than once"),
        ("a.md", f"# T\n## A\n- A: b\n- {'x' * 181}: c\n", 4, "at most 180"),
        (
            "a.yaml",
            "title: T\ndescription: '# no'\nactivities: [{title: A, cards: [{title: B, prompt: c}]}]\n",
            2,
            "like",
        ),
        (
            "a.yaml",
            "title: T\nactivities:\n  - title: A\n    cards:\n    - title: 'B: c'\n      prompt: d\n",
            5,
            "colon",
        ),
        ("a.yaml", "title: T\nactivities:\n  - title: A\n    cards:\n    - title: '**'\n      prompt: d\n", 5, "words"),
        (
            "a.md",
            "# T\n## A\n" + "".join(f"- {number}: {'word ' * 390}\n" for number in range(12)),
            1,
            "the agent takes 20000",
        ),
    ],
)
def test_a_bad_brief_is_refused_with_its_line(tmp_path: Path, name: str, text: str, line: int, problem: str) -> None:
    with pytest.raises(BriefError, match=problem) as caught:
        read_brief(write(tmp_path, name, text))

    assert caught.value.line == line
    assert f"line {line}" in str(caught.value)


def test_what_is_missing_at_the_end_of_a_yaml_file_is_missing_in_its_last_line(tmp_path: Path) -> None:
    path = tmp_path / "brief.yaml"
    path.write_text('title: "Lamps\n')

    with pytest.raises(BriefError) as raised:
        read_brief(path)

    assert raised.value.line == 1


def test_a_brief_in_another_encoding_is_refused_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "brief.md"
    path.write_bytes("# Lamps\n\n## Dämmerung\n".encode("latin-1"))

    with pytest.raises(BriefError, match=r"line 3: this is not UTF-8"):
        read_brief(path)
