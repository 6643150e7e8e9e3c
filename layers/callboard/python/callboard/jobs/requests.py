"""Headers that requests about jobs carry."""

import re
from typing import Annotated

from pydantic import Field

from callboard.jobs.service import MAX_WAIT_SECONDS

type IdempotencyKeyHeader = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="A name of the client's for this request: the same again returns the first answer.",
    ),
]
type PreferHeader = Annotated[
    str | None, Field(max_length=200, description="`wait=N`: answer with the ended job if it ends within N seconds.")
]

# RFC 7240, section 4.3.
WAIT = re.compile(r"(?:^|[,;]\s*)wait=(\d{1,4})(?:$|[,;\s])")


def wait_seconds(prefer: str | None) -> int:
    """Return how long a Prefer header asks to wait, at most what the gateway bears; 0 without one."""
    match = WAIT.search(prefer or "")
    return min(int(match[1]), MAX_WAIT_SECONDS) if match else 0


def replay_headers(replayed: bool) -> dict[str, str]:
    """Say whether an answer is that of an earlier request with the same key."""
    return {"Idempotent-Replayed": "true"} if replayed else {}
