"""Running the demo in a terminal or in a log."""

import asyncio
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from callboard_local import stack
from callboard_local.demo import report
from callboard_local.demo.brief import default_brief, read_brief
from callboard_local.demo.deciding import Person, choose_second
from callboard_local.demo.producer import SECONDS_WITHOUT_NEWS, Producer, download
from callboard_local.demo.production import Note, Production, counted
from callboard_local.demo.screen import Screen
from callboard_local.paths import StackPaths

# What a language model on a small machine takes for a long plan.
SECONDS_OF_ANOTHER_MODEL = 600.0


def run(paths: StackPaths, console: Console, brief_file: Path | None = None, *, ask: bool = False) -> None:
    """Have a brief produced by the agent on the local stack, which is started if it does not run.

    Raises:
        StackError: It did not work; the message says why.
    """
    brief = read_brief(brief_file or default_brief())
    screen = Screen(console)
    decide = Person(screen, paths.out / report.CANDIDATES).choose if ask else choose_second
    running = stack.up(paths, lambda step: console.print(Text(step, "dim"), soft_wrap=True))
    # What an earlier production left would pass for this one's, should this one fail.
    report.forget(paths.out)
    started = time.perf_counter()
    console.print()
    patience = SECONDS_WITHOUT_NEWS if running.planner_port is not None else SECONDS_OF_ANOTHER_MODEL
    producer = Producer(running.http, running.agents, running.token(paths, "alice"), screen, decide, patience)
    with screen:
        cards = counted(len(brief.cards), "card", "cards")
        activities = counted(len(brief.activities), "activity", "activities")
        screen.say(Note("brief", f"{brief.title}: {cards} in {activities}"))
        production = asyncio.run(producer.produce(brief))
    pictures = asyncio.run(download({card.card_id: card.asset["url"] for card in production.board if card.asset}))
    written = report.write(paths.out, production, pictures)
    console.print(timings_table(production))
    made = counted(len(pictures), "picture", "pictures")
    summary = f"{made}, {report.CONTACT_SHEET} and {report.REPORT} are in {paths.out}"
    console.print(Text(f"{summary} ({len(written)} files, {time.perf_counter() - started:.1f} s)"), soft_wrap=True)
    console.print(Text(f"Board: {running.board}"), soft_wrap=True)


def timings_table(production: Production) -> Table:
    """Make the table of how long things took."""
    table = Table(title="Timings", title_justify="left")
    table.add_column("Part")
    table.add_column("From, to")
    table.add_column("Median", justify="right")
    table.add_column("Worst", justify="right")
    for name, meaning, middle, worst in production.timings.rows():
        table.add_row(name, meaning, f"{middle:.3f} s", f"{worst:.3f} s")
    return table
