"""Running the demo in a terminal."""

import asyncio
import time
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from callboard_local import stack
from callboard_local.demo import report
from callboard_local.demo.brief import Brief, default_brief, read_brief
from callboard_local.demo.production import Producer, Production, download
from callboard_local.paths import StackPaths

STYLE = {
    "planned": "dim",
    "queued": "yellow",
    "processing": "cyan",
    "completed": "blue",
    "approved": "green",
    "failed": "red",
}


def run(paths: StackPaths, console: Console, brief_file: Path | None = None) -> None:
    """Produce a brief on the local stack, which is started if it does not run.

    Raises:
        StackError: It did not work; the message says why.
    """
    brief = read_brief(brief_file or default_brief())
    running = stack.up(paths, lambda step: console.print(f"[dim]{step}[/dim]"))
    started = time.perf_counter()
    console.print(f"\n[bold]{brief.title}[/bold]  {len(brief.cards)} cards, {len(brief.activities)} activities")
    with _Screen(console) as screen:
        production = asyncio.run(_produce(running, paths, brief, screen))
    pictures = asyncio.run(download(production.assets))
    written = report.write(paths.out, production, pictures)
    console.print(timings_table(production))
    console.print(
        f"{len(pictures)} pictures, {report.CONTACT_SHEET} and {report.REPORT} are in {paths.out} "
        f"({len(written)} files, {time.perf_counter() - started:.1f} s)"
    )
    console.print(f"Board: {running.board}")


async def _produce(running: stack.Stack, paths: StackPaths, brief: Brief, screen: "_Screen") -> Production:
    token = running.token(paths, "alice")
    return await Producer(running.http, lambda: token, screen.show).produce(brief)


class _Screen:
    """The production as it happens: a table of cards and a bar."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(TextColumn("approved"), BarColumn(), MofNCompleteColumn(), console=console)
        self._bar = self._progress.add_task("approved", total=None)
        self._console = console
        self._live = Live(console=console, refresh_per_second=8)

    def __enter__(self) -> "_Screen":
        self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.stop()
        self._console.print()

    def show(self, production: Production) -> None:
        """Show the production as it is now."""
        table = Table(box=None, pad_edge=False)
        for heading in ("Activity", "Card", "Jobs", "State"):
            table.add_column(heading)
        for card in production.cards.values():
            state = card.state
            jobs = " ".join(sorted(card.jobs.values()))
            table.add_row(card.activity, card.title, jobs, f"[{STYLE[state]}]{state}[/]")
        approved = sum(card.state == "approved" for card in production.cards.values())
        self._progress.update(self._bar, completed=approved, total=len(production.cards))
        self._live.update(Group(table, self._progress))


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
