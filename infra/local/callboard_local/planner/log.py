"""One JSON line an outcome on standard output: names and counts, never a brief or a prompt."""

import logging
import sys

from callboard_local.generator.log import JsonFormatter

logger = logging.getLogger("callboard_local.planner")


def configure() -> None:
    """Send log lines to standard output."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(_name_service)
    for each, level in ((logger, logging.INFO), (logging.getLogger("uvicorn.error"), logging.WARNING)):
        each.addHandler(handler)
        each.setLevel(level)
        each.propagate = False


def outcome(action: str, **fields: object) -> None:
    """Log what came of something."""
    logger.info(action, extra={"fields": fields})


def _name_service(record: logging.LogRecord) -> bool:
    record.fields = {"service": "planner", **getattr(record, "fields", {})}
    return True
