"""The one logger, and how correlation ids get into it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from logging import LogRecord

from aws_lambda_powertools import Logger

logger = Logger(service="callboard", use_rfc3339=True, utc=True)


def _without_task(record: LogRecord) -> bool:
    """Drop the name of the asyncio task, which Python adds and which says nothing here."""
    record.__dict__.pop("taskName", None)
    return True


logger.addFilter(_without_task)

_correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")


def correlation_id() -> str:
    """Return the id that ties together all work for one outside request; empty outside of one."""
    return _correlation_id.get()


@contextmanager
def correlated(value: str) -> Iterator[None]:
    """Work under a correlation id: log lines, events and queue messages made inside carry it."""
    token = _correlation_id.set(value)
    logger.set_correlation_id(value)
    try:
        yield
    finally:
        _correlation_id.reset(token)
        logger.set_correlation_id(_correlation_id.get() or None)
