"""Telling the results: a table for the terminal, and docs/benchmarks.md."""

from collections.abc import Mapping, Sequence

from bench.results import Result, Spread

HEAD = ("case", "ours", "floor or peer", "ratio", "goal")


def table(results: Sequence[Result]) -> str:
    """Return the results as columns."""
    rows = [HEAD, *map(_cells, results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]]) + "\n"


def document(results: Sequence[Result], machine: Mapping[str, str], explained: Sequence[str]) -> str:
    """Return docs/benchmarks.md: the results, how they were measured, and on what."""
    rows = [HEAD, tuple("---" for _ in HEAD), *map(_cells, results)]
    return "\n".join(
        [
            "# Benchmarks",
            "",
            "Made by `make bench`; do not edit. Each case runs ours and a floor or peer in turn, in one process and",
            "one database, after a warm-up. Times are medians, and the ratio is the median of the rounds' ratios,",
            "each with its 10th to 90th percentile. Milliseconds say something about this machine only, ratios more.",
            "",
            *("| " + " | ".join(row) + " |" for row in rows),
            "",
            *(f"{text}\n" for text in explained),
            "## Measured on",
            "",
            *(f"- {name}: {value}" for name, value in machine.items()),
            "",
        ]
    )


def _cells(result: Result) -> tuple[str, ...]:
    goal = "" if result.goal is None else f"<= {result.goal:g}: {'met' if result.is_met else 'MISSED'}"
    return (
        result.case,
        _milliseconds(result.ours),
        f"{_milliseconds(result.peer)} {result.peer_name}",
        f"{result.ratio.median:.2f} ({result.ratio.p10:.2f}-{result.ratio.p90:.2f}), n={result.rounds}",
        goal,
    )


def _milliseconds(spread: Spread) -> str:
    return f"{spread.median * 1000:.1f} ms ({spread.p10 * 1000:.1f}-{spread.p90 * 1000:.1f})"
