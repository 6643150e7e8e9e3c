"""Where the local stack keeps its things."""

from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class StackPaths:
    """One stack's folder; after `down` only `out` and the logs are left."""

    root: Path

    @property
    def stack_file(self) -> Path:
        """Where everything is, for whoever uses the stack; there only while the stack runs."""
        return self.root / "stack.json"

    @property
    def users_file(self) -> Path:
        """Passwords of the local users."""
        return self.root / "users.json"

    @property
    def run(self) -> Path:
        """Data and temporary files of the running processes."""
        return self.root / "run"

    @property
    def crash_points_file(self) -> Path:
        """Where tests arm crash points."""
        return self.run / "crash-points.json"

    @property
    def logs(self) -> Path:
        """Output of the processes."""
        return self.root / "logs"

    @property
    def out(self) -> Path:
        """What a demo leaves."""
        return self.root / "out"


def default_paths() -> StackPaths:
    """Return the folder of this checkout's stack."""
    return StackPaths(PROJECT / ".local")
