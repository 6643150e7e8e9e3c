"""What functions write to their log."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from callboard.observability import logger


@contextmanager
def logged() -> Iterator[list[dict[str, Any]]]:
    """Collect the lines that are logged inside the block, as they are written."""
    lines: list[dict[str, Any]] = []
    formatter = logger.registered_formatter

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(formatter.format(record)))

    collector = Collector()
    underlying = logging.getLogger(logger.service)
    underlying.addHandler(collector)
    try:
        yield lines
    finally:
        underlying.removeHandler(collector)
