"""Run all cases, print the table and write docs/benchmarks.md."""

import sys

from bench import machine, report
from bench.cases import agent_step, memory
from bench.surroundings import surroundings
from callboard.database import connect
from callboard_local.paths import PROJECT

CASES = (agent_step, memory)
DOCUMENT = PROJECT / "docs" / "benchmarks.md"


def main() -> None:
    """Measure, one case after another."""
    with surroundings() as url:
        with connect(url) as db:
            facts = machine.facts(db)
        results = [result for case in CASES for result in case.measure(url)]
    sys.stdout.write(report.table(results))
    DOCUMENT.write_text(report.document(results, facts, [case.EXPLAINED for case in CASES]))


if __name__ == "__main__":
    main()
