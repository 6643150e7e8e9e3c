"""Run the suite's requirements of each revision; exit with 1 if one is not met that was met before."""

import subprocess
import sys
from pathlib import Path

from callboard_local.paths import PROJECT
from conformance.endpoint import serving

SUITE = PROJECT / ".local" / "conformance" / "node_modules"
REVISIONS = ("2026-07-28", "2025-11-25")
SECONDS = 240


def main() -> int:
    """Run each revision against one server."""
    failed = False
    with serving() as url:
        for revision in REVISIONS:
            sys.stdout.write(f"== {revision}\n")
            sys.stdout.flush()
            expected = Path(__file__).parent / f"expected-failures-{revision}.yml"
            done = subprocess.run(
                [
                    SUITE / ".bin" / "node",
                    SUITE / "@modelcontextprotocol" / "conformance" / "dist" / "index.js",
                    *("server", "--url", url, "--requirements", revision),
                    *("--expected-failures", expected),
                    *("--output-dir", SUITE.parent / "results" / revision),
                    *sys.argv[1:],
                ],
                timeout=SECONDS,
                check=False,
            )
            failed = failed or done.returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
