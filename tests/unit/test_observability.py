"""What log lines hold."""

import asyncio
import json

import pytest

from callboard.observability import correlated, logger


def test_a_line_says_what_happened_and_not_the_name_of_a_task(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        with correlated("work-1"):
            logger.info("done", action="done")

    asyncio.run(work())

    (record,) = caplog.records
    line = json.loads(logger.registered_formatter.format(record))
    assert (line["message"], line["action"]) == ("done", "done")
    assert "taskName" not in line
