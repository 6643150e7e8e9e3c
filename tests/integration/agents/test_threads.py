"""Threads through their routes: created once, found again, changed, deleted with all that is theirs."""

from typing import Any
from uuid import uuid4

import pytest

from callboard.database import Database
from callboard.ids import new_id
from support.agent_api import ask, code_of, fields_of
from support.agents import Agent
from support.aws import FakeCloud
from support.board import Board, one
from support.model import calls, says
from support.rows import insert_project


@pytest.fixture(autouse=True)
def _around(cloud: FakeCloud) -> None:
    """Have services around every test."""


def create(**body: Any) -> dict[str, Any]:
    answer = ask("POST", "/threads", body)
    assert answer.status == 200, answer.text
    thread: dict[str, Any] = answer.body
    return thread


def found(**wanted: Any) -> list[str]:
    answer = ask("POST", "/threads/search", wanted)
    assert answer.status == 200, answer.text
    return [thread["thread_id"] for thread in answer.body]


def test_a_new_thread_is_idle_and_has_all_that_the_sdk_reads() -> None:
    thread = create(metadata={"mood": "calm"})

    assert (thread["status"], thread["metadata"], thread["interrupts"]) == ("idle", {"mood": "calm"}, {})
    assert {"thread_id", "created_at", "updated_at", "config", "values"} <= set(thread)
    assert ask("GET", f"/threads/{thread['thread_id']}").body == thread


def test_a_thread_gets_the_id_that_was_asked_for() -> None:
    wanted = str(uuid4())

    assert create(thread_id=wanted)["thread_id"] == wanted


def test_a_thread_is_created_once() -> None:
    thread = create()

    assert code_of(ask("POST", "/threads", {"thread_id": thread["thread_id"]})) == (409, "THREAD_EXISTS")


def test_whoever_says_so_gets_the_thread_that_is_there_as_it_is() -> None:
    thread = create(metadata={"a": 1})

    again = create(thread_id=thread["thread_id"], metadata={"a": 2}, if_exists="do_nothing")

    assert again == thread


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"thread_id": "7"}, "thread_id"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"a": "\x00"}}, "metadata"),
        ({"metadata": {"project_id": "7"}}, "metadata.project_id"),
        ({"if_exists": "replace"}, "if_exists"),
    ],
)
def test_a_thread_that_cannot_be_is_refused_with_its_field(wrong: dict[str, Any], field: str) -> None:
    assert fields_of(ask("POST", "/threads", wrong)) == [field]


@pytest.mark.parametrize("wish", [{"ttl": 60}, {"supersteps": [{"updates": []}]}])
def test_a_thread_that_is_to_do_what_it_does_not_is_refused(wish: dict[str, Any]) -> None:
    answer = ask("POST", "/threads", wish)

    assert code_of(answer) == (422, "NOT_OFFERED")
    assert fields_of(answer) == list(wish)


def test_a_thread_is_not_changed_into_one_that_ends_by_itself(agent: Agent) -> None:
    assert code_of(ask("PATCH", f"/threads/{agent.thread_id}", {"ttl": 60})) == (422, "NOT_OFFERED")


def test_another_tenant_s_project_does_not_exist_for_a_thread(db: Database) -> None:
    foreign = insert_project(db, tenant="bob")

    for project_id in (foreign, new_id()):
        answer = ask("POST", "/threads", {"metadata": {"project_id": str(project_id)}})
        assert code_of(answer) == (404, "PROJECT_NOT_FOUND")


def test_a_change_sets_keys_of_the_metadata_and_keeps_the_others() -> None:
    thread = create(metadata={"a": 1, "b": 1})

    changed = ask("PATCH", f"/threads/{thread['thread_id']}", {"metadata": {"b": 2, "c": 3}}).body

    assert changed["metadata"] == {"a": 1, "b": 2, "c": 3}
    assert changed["updated_at"] > thread["updated_at"]


def test_a_thread_cannot_be_moved_to_another_tenant_s_project(db: Database, agent: Agent) -> None:
    foreign = insert_project(db, tenant="bob")

    answer = ask("PATCH", f"/threads/{agent.thread_id}", {"metadata": {"project_id": str(foreign)}})

    assert code_of(answer) == (404, "PROJECT_NOT_FOUND")


def test_another_project_counts_for_the_next_run(db: Database, agent: Agent) -> None:
    other = insert_project(db)

    ask("PATCH", f"/threads/{agent.thread_id}", {"metadata": {"project_id": str(other)}})
    run = agent.start()

    row = one(db, "SELECT project_id FROM agent_runs WHERE id = %s", run.run_id)
    assert row["project_id"] == other


def test_threads_are_found_by_metadata_status_and_ids(agent: Agent) -> None:
    busy, calm = str(agent.thread_id), create(metadata={"mood": {"is": "calm"}})["thread_id"]
    agent.start()

    assert found(metadata={"mood": {"is": "calm"}}) == [calm]
    assert found(status="busy") == [busy]
    assert found(status="error") == []
    assert found(ids=[calm, str(uuid4())]) == [calm]
    assert found(ids=[]) == []


def test_threads_come_newest_first_in_pages() -> None:
    threads = [create()["thread_id"] for _ in range(3)]

    assert found() == threads[::-1]
    assert found(limit=2) == threads[:0:-1]
    assert found(limit=2, offset=2) == threads[:1]


@pytest.mark.parametrize("column", ["thread_id", "created_at", "updated_at", "state_updated_at", "status"])
def test_threads_are_sorted_as_asked(column: str) -> None:
    created = [create() for _ in range(3)]
    ask("PATCH", f"/threads/{created[0]['thread_id']}", {"metadata": {"a": 1}})
    by = "updated_at" if column == "state_updated_at" else column

    listed = ask("POST", "/threads/search", {"sort_by": column, "sort_order": "asc"}).body

    assert [thread[by] for thread in listed] == sorted(thread[by] for thread in listed)
    assert found(sort_by=column) == [thread["thread_id"] for thread in reversed(listed)]


@pytest.mark.parametrize(
    "wrong", [{"limit": 101}, {"offset": -1}, {"sort_by": "tenant"}, {"sort_order": "up"}, {"status": "lost"}]
)
def test_a_search_that_cannot_be_is_refused_with_its_field(wrong: dict[str, Any]) -> None:
    assert fields_of(ask("POST", "/threads/search", wrong)) == list(wrong)


@pytest.mark.parametrize("path", ["search", "count"])
def test_threads_are_not_found_by_the_values_of_their_states(path: str) -> None:
    assert code_of(ask("POST", f"/threads/{path}", {"values": {"turn": 1}})) == (422, "NOT_OFFERED")


def test_threads_are_counted() -> None:
    create(metadata={"mood": "calm"})
    create()

    assert ask("POST", "/threads/count", {}).body == 2
    assert ask("POST", "/threads/count", {"metadata": {"mood": "calm"}}).body == 1


def test_a_deleted_thread_is_gone_with_its_runs_and_states(db: Database, agent: Agent) -> None:
    run = agent.start()
    agent.steps()

    answer = ask("DELETE", f"/threads/{agent.thread_id}")

    assert (answer.status, answer.text) == (204, "")
    assert code_of(ask("GET", f"/threads/{agent.thread_id}")) == (404, "THREAD_NOT_FOUND")
    assert code_of(ask("GET", f"/threads/{agent.thread_id}/runs/{run.run_id}")) == (404, "RUN_NOT_FOUND")
    for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes", "agent_runs"):
        assert one(db, f"SELECT count(*) AS n FROM {table}") == {"n": 0}


def test_deleting_a_thread_cancels_its_run_and_says_so(
    db: Database, cloud: FakeCloud, board: Board, agent: Agent
) -> None:
    agent.start()
    cloud.published()

    ask("DELETE", f"/threads/{agent.thread_id}")

    [event] = cloud.published()
    assert (event["context_id"], event["data"]["status"]) == (str(board.project_id), "interrupted")
    assert agent.step() == "nothing"


def test_a_thread_shows_what_a_person_is_asked(agent: Agent) -> None:
    agent.model.answers = [calls(("request_approval", {"question": "Is it good?"})), says("Done.")]
    agent.start()
    agent.steps()

    thread = ask("GET", f"/threads/{agent.thread_id}").body

    assert thread["status"] == "interrupted"
    [[asked]] = thread["interrupts"].values()
    assert (asked["value"]["type"], asked["value"]["question"]) == ("approval", "Is it good?")


def test_a_thread_whose_run_failed_is_in_error(agent: Agent) -> None:
    agent.model.answers = [says(" ")]
    agent.start()
    agent.steps()

    assert ask("GET", f"/threads/{agent.thread_id}").body["status"] == "error"
