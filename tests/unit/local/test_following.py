"""What `callboard tail` shows of an update."""

from typing import Any

import pytest

from callboard.connections.client import Ended, Item, Reset, Update
from callboard_local.following import line_of


def update(topic: str, **data: Any) -> Update:
    return Update("card", 7, "update", topic, data, {})


@pytest.mark.parametrize(
    ("item", "line"),
    [
        (update("job.status.updated", status="queued", job_id="job"), "    7  job.status.updated   queued       job"),
        (
            update("agent.run.updated", status="running", waiting_for="jobs", run_id="run"),
            "    7  agent.run.updated    running, waits for jobs run",
        ),
        (
            update("agent.run.updated", status="success", waiting_for=None, run_id="run"),
            "    7  agent.run.updated    success      run",
        ),
        (update("card.created", title="A lamp"), "    7  card.created         A lamp       card"),
        (update("project.updated"), "    7  project.updated                   card"),
        (Reset("card", 3, None, None), "    3  (older updates are gone)"),
        (Ended("card", "CARD_NOT_FOUND"), "       card is gone"),
    ],
)
def test_an_update_is_a_line_that_says_what_has_happened_to_what(item: Item, line: str) -> None:
    assert line_of(item) == line
