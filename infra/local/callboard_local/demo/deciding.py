"""Answering the agent's questions: by the demo itself, or by the person at the terminal."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from callboard_local.demo.production import Answer, Question
from callboard_local.demo.screen import Screen
from callboard_local.errors import StackError

MAX_COMMENT = 4000


async def choose_second(question: Question, pictures: dict[str, bytes]) -> Answer:
    """Answer without asking anybody: the second picture, the only one if there is one, else yes."""
    choices = question.choices
    if not choices:
        return Answer(True, None, None, "yes (the demo agrees to everything; --ask asks you)")
    number = min(2, len(choices))
    told = (
        f"picture {number} of {len(choices)} (the demo chooses {'the second' if number == 2 else 'it'}; --ask asks you)"
    )
    return Answer(True, choices[number - 1], None, told)


class Person:
    """The person at the terminal."""

    def __init__(self, screen: Screen, folder: Path) -> None:
        """Prepare to ask; the pictures to choose from are put into a folder.

        Raises:
            StackError: There is no terminal to ask in.
        """
        if not sys.stdin.isatty():
            raise StackError("--ask needs a terminal; without it the demo answers by itself.")
        self._screen, self._folder = screen, folder

    async def choose(self, question: Question, pictures: dict[str, bytes]) -> Answer:
        """Show the pictures' files and wait for an answer."""
        choices = [choice for choice in question.choices if choice in pictures]
        lines = []
        for number, choice in enumerate(choices, start=1):
            path = self._folder / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(pictures[choice])
            lines.append(f"{number}  {path}")
        wanted = "Its number, or in words what is to be different" if choices else "yes, or in words what is wrong"
        with self._screen.interrupted():
            self._screen.print_plainly(*lines)
            while True:
                self._screen.print_plainly(f"{wanted}: ", end="")
                if answer := read_answer(await _line(), choices):
                    return answer


def read_answer(line: str, choices: Sequence[str]) -> Answer | None:
    """Read what a person typed: a number chooses, words turn down; None if it is neither."""
    typed = line.strip()[:MAX_COMMENT]
    if typed.isdecimal() and choices:
        number = int(typed)
        if not 1 <= number <= len(choices):
            return None
        return Answer(True, choices[number - 1], None, f"picture {number} of {len(choices)}")
    if typed.casefold() in {"y", "yes"}:
        return None if choices else Answer(True, None, None, "yes")
    return Answer(False, None, typed, f"no: {typed}") if typed else None


async def _line() -> str:
    """Read a line, and leave the loop free meanwhile: the live connection is kept, and Ctrl-C works."""
    loop = asyncio.get_running_loop()
    line: asyncio.Future[str] = loop.create_future()
    loop.add_reader(sys.stdin, lambda: _read_into(line))
    try:
        read = await line
    finally:
        loop.remove_reader(sys.stdin)
    if not read:
        raise StackError("The terminal was closed before the agent's question was answered.")
    return read


def _read_into(line: asyncio.Future[str]) -> None:
    if not line.done():
        line.set_result(sys.stdin.readline())
