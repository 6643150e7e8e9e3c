"""Showing a production: in a terminal a board that is painted anew under the lines, in a log lines alone."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column, Table
from rich.text import Text

from callboard_local.demo.production import CardProgress, Note, Production

STYLE = {
    "planned": "dim",
    "queued": "yellow",
    "processing": "cyan",
    "completed": "blue",
    "approved": "green",
    "failed": "red",
}
ACTORS = {"brief": "bold", "agent": "bold magenta", "plan": "cyan", "jobs": "yellow", "board": "green", "demo": "bold"}
# A log is read afterwards, and says how far the jobs are no more often than this.
LOG_SECONDS = 2.0
LOG_WIDTH = 120


class Screen:
    """What a person sees of a production."""

    def __init__(self, console: Console) -> None:
        """Prepare; the clock begins with `with`."""
        self._console = console
        # A log may be forced to have colours, but cannot be painted over.
        self._paints = console.is_terminal and not console.is_dumb_terminal and console.file.isatty()
        self._live: Live | None = None
        self._production: Production | None = None
        self._started = time.perf_counter()
        self._logged_at, self._logged = self._started, ""

    def __enter__(self) -> "Screen":
        """Begin to show."""
        self._started = self._logged_at = time.perf_counter()
        self._paint()
        return self

    def __exit__(self, *exception: object) -> None:
        """Leave the board behind as it was last."""
        self._stop()
        if self._production is not None and self._production.cards:
            self._console.print()
            # A log has no width; the console takes it to be narrow.
            width = None if self._paints else max(LOG_WIDTH, self._console.width)
            self._console.print(self._table(self._production), width=width)
        self._console.print()

    def say(self, note: Note) -> None:
        """Write a line."""
        if self._paints and note.actor == "board":
            return
        parts = (f"{time.perf_counter() - self._started:6.1f} s", note.actor, _lines(note.text))
        style = ACTORS.get(note.actor, "")
        if self._paints:
            # Beside one another, so that a long text is wrapped within its column.
            row = Table.grid(Column(width=8), Column(width=6), Column(ratio=1), padding=(0, 2, 0, 0), expand=True)
            row.add_row(Text(parts[0], "dim"), Text(parts[1], style), Text(parts[2]))
            self._console.print(row)
        else:
            text = Text(f"{parts[0]}  {parts[1]:6}  ", style).append(parts[2].replace("\n", f"\n{' ' * 18}"), "none")
            self._console.print(text, soft_wrap=True)

    def show(self, production: Production) -> None:
        """Show the production as it is now."""
        self._production = production
        if self._live is not None:
            self._live.update(self._painted(production))
        elif not self._paints and production.waits:
            self._log_jobs(production.jobs, len(production.waits[-1].job_ids))

    @contextmanager
    def interrupted(self) -> Iterator[None]:
        """Paint nothing meanwhile: a person is typing."""
        self._stop()
        try:
            yield
        finally:
            self._paint()

    def print_plainly(self, *lines: str, end: str = "\n") -> None:
        """Write lines as they are."""
        for line in lines:
            self._console.print(Text(line), end=end, soft_wrap=True)

    def _paint(self) -> None:
        if self._paints:
            self._live = Live(console=self._console, refresh_per_second=8, transient=True)
            self._live.start()
            if self._production is not None:
                self.show(self._production)

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _log_jobs(self, jobs: Counter[str], awaited: int) -> None:
        # Before the updates of all jobs have come in, a count of these would say something else than it seems to.
        if jobs.total() < awaited:
            return
        told = ", ".join(f"{jobs[status]} {status}" for status in STYLE if jobs[status])
        if told and told != self._logged and time.perf_counter() - self._logged_at >= LOG_SECONDS:
            self._logged_at, self._logged = time.perf_counter(), told
            self.say(Note("jobs", told))

    def _painted(self, production: Production) -> Group:
        cards = production.board
        bar = Progress(TextColumn("approved"), BarColumn(), MofNCompleteColumn(), console=self._console)
        bar.add_task(
            "approved",
            total=len(cards) or None,
            completed=sum(card.state == "approved" for card in cards),
        )
        return Group(Text(), self._table(production), bar)

    def _table(self, production: Production) -> Table:
        table = Table("Activity", "Card", "Jobs", "State", box=None, pad_edge=False)
        before = ""
        for card in production.board:
            activity = production.activity_of(card)
            shown, before = ("" if activity == before else activity), activity
            table.add_row(Text(shown), Text(card.title), Text(_jobs(card)), Text(card.state, STYLE[card.state]))
        return table


def _jobs(card: CardProgress) -> str:
    counts = Counter(card.jobs.values())
    return ", ".join(f"{counts[status]} {status}" for status in (*STYLE, "cancelled") if counts[status])


def _lines(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip())
