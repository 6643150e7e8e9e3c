"""What a person sees of a production."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from callboard_local.demo import screen as screens
from callboard_local.demo.brief import Brief
from callboard_local.demo.production import CardProgress, Note, Production, Wait
from callboard_local.demo.screen import Screen


@pytest.fixture
def production() -> Production:
    brief = {"title": "T", "activities": [{"title": "A", "cards": [{"title": "One", "prompt": "a"}]}]}
    made = Production(Brief.model_validate(brief))
    made.activities = {"a": (0, "Dusk [draft]")}
    jobs = {"j": "completed", "k": "completed", "l": "failed"}
    made.waits = [Wait(datetime(2026, 1, 1, tzinfo=UTC), tuple(jobs), "all", 3)]
    made.cards = {"c": CardProgress("c", "A lamp [/b]", "a", jobs=jobs)}
    return made


def test_log_holds_lines_and_the_board_at_the_end_and_no_painting(
    production: Production, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screens, "LOG_SECONDS", 0.0)
    log = io.StringIO()

    # As in a pipeline that wants colours.
    with Screen(Console(file=log, width=60, color_system=None, force_terminal=True)) as screen:
        screen.say(Note("agent", f"says: [bold] {'long ' * 30}\n\nMore."))
        for _ in range(3):
            screen.show(production)
        screen.say(Note("board", "approved: A lamp"))

    first, second, jobs, board, *table = [line.rstrip() for line in log.getvalue().splitlines()]
    assert first.startswith("   0.0 s  agent   says: [bold] long long")
    assert second == " " * 18 + "More."
    assert jobs == "   0.0 s  jobs    2 completed, 1 failed"
    assert board == "   0.0 s  board   approved: A lamp"
    assert [line.split("  ")[0] for line in table] == ["", "Activity", "Dusk [draft]", ""]
    assert "A lamp [/b]  2 completed, 1 failed  completed" in log.getvalue()
    assert "\x1b" not in log.getvalue()


def test_log_counts_no_jobs_before_all_of_them_are_known(
    production: Production, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screens, "LOG_SECONDS", 0.0)
    del production.cards["c"].jobs["l"]
    log = io.StringIO()

    with Screen(Console(file=log)) as screen:
        screen.show(production)

    assert "  jobs  " not in log.getvalue()


def test_log_of_a_production_that_never_began_has_no_board() -> None:
    log = io.StringIO()

    with Screen(Console(file=log)):
        pass

    assert log.getvalue().strip() == ""
