"""Answers to the agent's questions."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from callboard_local.demo.deciding import Person, choose_second, read_answer
from callboard_local.demo.production import Question
from callboard_local.demo.screen import Screen
from callboard_local.errors import StackError


@pytest.mark.parametrize(
    ("choices", "chosen", "told"),
    [
        (("a", "b", "c"), "b", "picture 2 of 3 (the demo chooses the second; --ask asks you)"),
        (("a",), "a", "picture 1 of 1 (the demo chooses it; --ask asks you)"),
        ((), None, "yes (the demo agrees to everything; --ask asks you)"),
    ],
)
async def test_demo_chooses_the_second_picture_and_says_so(choices: tuple[str, ...], chosen: str, told: str) -> None:
    answer = await choose_second(Question("Which?", "c", choices), {})

    assert answer.resume == {"approved": True, "choice": chosen, "comment": None}
    assert answer.told == told


@pytest.mark.parametrize(
    ("line", "choices", "resume"),
    [
        ("2\n", "ab", {"approved": True, "choice": "b", "comment": None}),
        (" darker \n", "ab", {"approved": False, "choice": None, "comment": "darker"}),
        ("yes\n", "", {"approved": True, "choice": None, "comment": None}),
        ("3 of them\n", "", {"approved": False, "choice": None, "comment": "3 of them"}),
    ],
)
def test_person_chooses_by_number_and_turns_down_in_words(line: str, choices: str, resume: dict[str, object]) -> None:
    answer = read_answer(line, list(choices))

    assert answer is not None
    assert answer.resume == resume


@pytest.mark.parametrize("line", ["", "\n", "0\n", "3\n", "yes\n"])
def test_what_answers_nothing_is_asked_again(line: str) -> None:
    assert read_answer(line, ["a", "b"]) is None


def test_asking_needs_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())

    with pytest.raises(StackError, match="needs a terminal"):
        Person(Screen(Console(file=io.StringIO())), tmp_path)
