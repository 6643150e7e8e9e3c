"""One JSON line an outcome on standard output: ids and counts, never a prompt."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import override

logger = logging.getLogger("callboard_local.generator")


class JsonFormatter(logging.Formatter):
    """Renders a record and its fields as one line of JSON."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": "generator",
            "action": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, separators=(",", ":"), default=str)


def configure() -> None:
    """Send log lines to standard output."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    server = logging.getLogger("uvicorn.error")
    server.addHandler(handler)
    server.setLevel(logging.WARNING)
    server.propagate = False


def outcome(action: str, *, level: int = logging.INFO, **fields: object) -> None:
    """Log what came of something."""
    logger.log(level, action, extra={"fields": fields})
