"""What a measurement was made on."""

import os
import platform
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from callboard.database import Database

LIBRARIES = ("langgraph", "langgraph-checkpoint-postgres", "langchain-core", "psycopg", "boto3", "pydantic")


def facts(db: Database) -> dict[str, str]:
    """Return what the numbers depend on beside the code."""
    row = db.execute("SHOW server_version").fetchone()
    assert row is not None  # SHOW always answers
    return {
        "Date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "Processor": f"{_processor()}, {os.cpu_count()} cores",
        "System": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "PostgreSQL": f"{row['server_version']}, on the same machine, nothing synced to disk",
        "Libraries": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
    }


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()
