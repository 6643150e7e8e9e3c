"""The agents as programs use them: through the LangGraph SDK and its remote graphs, as these are published."""

import asyncio
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from botocore.exceptions import ClientError
from langgraph.pregel.remote import RemoteException, RemoteGraph
from langgraph.types import Command
from langgraph_sdk import get_client, get_sync_client
from langgraph_sdk.client import LangGraphClient, SyncLangGraphClient
from langgraph_sdk.errors import ConflictError, NotFoundError, UnprocessableEntityError

from callboard_local import ministack
from callboard_local.stack import Stack
from support.stack import User, is_update

QUICK = 'planner: simulate={"duration": 0.1}\nplanner: ask=never'
BRIEF = f"# Dusk\n- A lamp in the rain\n\n{QUICK}"
ASKING = BRIEF.replace("never", "always")
LONG = BRIEF.replace("0.1", "30")


def client_of(user: User) -> LangGraphClient:
    return get_client(url=f"{user.stack.http}/agents", api_key=None, headers=headers_of(user))


def sync_client_of(user: User) -> SyncLangGraphClient:
    return get_sync_client(url=f"{user.stack.http}/agents", api_key=None, headers=headers_of(user))


def headers_of(user: User) -> dict[str, str]:
    return {"authorization": f"Bearer {user.token}"}


@pytest.fixture
async def client(alice: User) -> AsyncIterator[LangGraphClient]:
    async with client_of(alice) as opened:
        yield opened


@pytest.fixture
async def stranger(bob: User) -> AsyncIterator[LangGraphClient]:
    async with client_of(bob) as opened:
        yield opened


def converse(stack: Stack, brief: str) -> Any:
    """Ask the emulator's Bedrock, as a step of an agent does."""
    bedrock = ministack.client("bedrock-runtime", stack.aws_endpoint_url)
    message = {"role": "user", "content": [{"text": f"<brief>\n{brief}\n</brief>"}]}
    return bedrock.converse(modelId="amazon.nova-lite-v1:0", messages=[message])


@pytest.mark.parametrize(
    ("brief", "code"),
    [("planner: error-500", "ServiceUnavailableException"), ("planner: wait=quorum:x", "ValidationException")],
)
def test_a_model_server_that_fails_is_an_error_and_no_made_up_answer(stack: Stack, brief: str, code: str) -> None:
    with pytest.raises(ClientError) as raised:
        converse(stack, brief)

    assert raised.value.response["Error"]["Code"] == code


@pytest.fixture
async def project(alice: User) -> str:
    made: str = (await alice.call("POST", "/api/projects", {"name": "Teaser"}, expect=201))["id"]
    return made


@pytest.fixture
async def thread(client: LangGraphClient, project: str) -> str:
    """Make a thread about the project."""
    return (await client.threads.create(metadata={"project_id": project}))["thread_id"]


@pytest.fixture
def remote(alice: User, client: LangGraphClient) -> Iterator[RemoteGraph]:
    with sync_client_of(alice) as in_place:
        yield RemoteGraph("production", client=client, sync_client=in_place)


async def board_of(user: User, project: str) -> Any:
    return await user.call("GET", f"/api/projects/{project}/memory")


def cards_in(memory: Any) -> list[tuple[str, str]]:
    return [(card["title"], card["status"]) for activity in memory["activities"] for card in activity["cards"]]


async def produced(client: LangGraphClient, thread: str, brief: str = BRIEF) -> Any:
    return await client.runs.wait(thread, "production", input={"brief": brief})


async def until(client: LangGraphClient, thread: str, run: str, status: str) -> None:
    async with asyncio.timeout(15):
        while (await client.runs.get(thread, run))["status"] != status:
            await asyncio.sleep(0.1)


async def asleep(client: LangGraphClient, thread: str) -> None:
    async with asyncio.timeout(15):
        while "wait" not in (await client.threads.get_state(thread))["next"]:
            await asyncio.sleep(0.1)


async def test_the_production_assistant_is_the_first_that_is_found(client: LangGraphClient) -> None:
    found = await client.assistants.search()

    assert [assistant["graph_id"] for assistant in found] == ["production", "review"]
    assert await client.assistants.get(found[0]["assistant_id"]) == found[0]
    assert await client.assistants.count() == 2
    schemas = await client.assistants.get_schemas("production")
    assert schemas["input_schema"] is not None
    assert schemas["input_schema"]["required"] == ["brief"]
    assert "think" in {node["id"] for node in (await client.assistants.get_graph("review"))["nodes"]}


async def test_a_brief_becomes_approved_cards(alice: User, client: LangGraphClient, project: str, thread: str) -> None:
    run = await client.runs.create(thread, "production", input={"brief": BRIEF})

    values: Any = await client.runs.join(thread, run["run_id"])

    assert "1 picture approved" in values["answer"]
    assert cards_in(await board_of(alice, project)) == [("Lamp in the rain", "approved")]
    assert (await client.runs.get(thread, run["run_id"]))["status"] == "success"
    assert (await client.threads.get(thread))["status"] == "idle"


async def test_whoever_waits_gets_the_values_at_once(client: LangGraphClient, thread: str) -> None:
    created: list[Any] = []

    values: Any = await client.runs.wait(
        thread, "production", input={"brief": BRIEF}, on_run_created=created.append, metadata={"why": "test"}
    )

    assert "1 picture approved" in values["answer"]
    assert created[0]["thread_id"] == thread
    assert [run["run_id"] for run in await client.runs.list(thread)] == [created[0]["run_id"]]


async def test_a_run_is_followed_by_its_values_and_updates(client: LangGraphClient, thread: str) -> None:
    parts = [
        part
        async for part in client.runs.stream(
            thread, "production", input={"brief": BRIEF}, stream_mode=["values", "updates"]
        )
    ]

    nodes = [name for part in parts if part.event == "updates" for name in part.data]
    assert nodes == ["recall", "think", "act", "wait", "think", "act", "think", "finish"]
    assert (parts[0].event, parts[-1].event) == ("metadata", "end")
    assert "1 picture approved" in [part.data for part in parts if part.event == "values"][-1]["answer"]


async def test_a_run_that_takes_long_is_followed_to_its_end_though_no_answer_may_take_so_long(
    client: LangGraphClient, thread: str
) -> None:
    seen: list[str | None] = []

    async def note(request: httpx.Request) -> None:
        if request.url.path.endswith("/stream"):
            seen.append(request.headers.get("last-event-id"))

    client.http.client.event_hooks["request"].append(note)
    run = await client.runs.create(thread, "production", input={"brief": LONG}, stream_mode=["updates", "values"])
    join = asyncio.create_task(client.runs.join(thread, run["run_id"]))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        parts = [part async for part in client.runs.join_stream(thread, run["run_id"])]

    nodes = [name for part in parts if part.event == "updates" for name in part.data]
    assert nodes == ["recall", "think", "act", "wait", "think", "act", "think", "finish"]
    assert parts[-1].event == "end"
    assert len(seen) >= 3
    assert all(seen[1:])
    assert [str(one.message) for one in warned if "onnect" in str(one.message)] == []
    with pytest.raises(httpx.HTTPStatusError) as not_yet:
        await join
    assert not_yet.value.response.status_code == 504
    assert "RUN_NOT_FINISHED" in not_yet.value.__notes__[0]
    values: Any = await client.runs.join(thread, run["run_id"])
    assert "1 picture approved" in values["answer"]


async def test_a_new_run_is_followed_by_the_request_that_starts_it(client: LangGraphClient, thread: str) -> None:
    brief = BRIEF.replace("0.1", "3")

    parts = [part async for part in client.runs.stream(thread, "production", input={"brief": brief})]

    assert [part.event for part in parts].count("metadata") >= 2
    assert "1 picture approved" in parts[-2].data["answer"]


async def test_a_run_that_others_started_is_followed_from_its_beginning(client: LangGraphClient, thread: str) -> None:
    run = await client.runs.create(thread, "production", input={"brief": BRIEF}, stream_mode=["updates"])

    parts = [part async for part in client.runs.join_stream(thread, run["run_id"])]
    values = [part async for part in client.runs.join_stream(thread, run["run_id"], stream_mode=["values", "updates"])]

    assert {part.event for part in parts} == {"metadata", "updates", "end"}
    assert {part.event for part in values} == {"metadata", "values", "updates", "end"}


async def test_states_are_read_now_and_as_they_were(client: LangGraphClient, thread: str) -> None:
    await produced(client, thread)

    latest = await client.threads.get_state(thread)
    history = await client.threads.get_history(thread, limit=3)
    before = await client.threads.get_history(thread, limit=2, before=history[0]["checkpoint"])
    earlier = await client.threads.get_state(thread, checkpoint=history[1]["checkpoint"])
    by_id = await client.threads.get_state(thread, checkpoint_id=history[1]["checkpoint"]["checkpoint_id"] or "")

    assert latest == history[0]
    assert before == history[1:]
    assert earlier == by_id == history[1]


async def test_a_run_goes_on_from_a_state_that_was_changed(client: LangGraphClient, thread: str) -> None:
    await produced(client, thread)
    first = (await client.threads.get_state(thread))["checkpoint"]

    changed = await client.threads.update_state(thread, {"brief": f"A chair\n{QUICK}"}, as_node="__start__")
    values: Any = await client.runs.wait(thread, "production", input=None)

    assert changed["checkpoint"]["checkpoint_id"] != first["checkpoint_id"]
    assert "1 card, 1 picture approved" in values["answer"]
    assert [entry["brief"].splitlines()[0] for entry in values["earlier"]] == ["# Dusk", "A chair"]


async def test_a_person_s_word_lets_the_agent_go_on(alice: User, client: LangGraphClient, project: str) -> None:
    thread = (await client.threads.create(metadata={"project_id": project}))["thread_id"]
    asked: Any = await produced(client, thread, ASKING)
    [interrupt] = asked["__interrupt__"]
    [choice] = interrupt["value"]["choices"]
    assert interrupt["value"]["type"] == "approval"
    assert (await client.threads.get(thread))["status"] == "interrupted"

    with pytest.raises(UnprocessableEntityError) as refused:
        await client.runs.create(thread, "production", command={"resume": {"approved": True, "choice": str(uuid4())}})
    values: Any = await client.runs.wait(thread, "production", command={"resume": {"approved": True, "choice": choice}})

    assert refused.value.body is not None
    assert refused.value.message == "The choice is none of those that were offered."
    assert "1 picture approved" in values["answer"]
    assert cards_in(await board_of(alice, project)) == [("Lamp in the rain", "approved")]
    with pytest.raises(ConflictError):
        await client.runs.create(thread, "production", command={"resume": {"approved": True}})


async def test_a_run_that_sleeps_is_cancelled_and_its_jobs_stay_the_board_s(
    alice: User, client: LangGraphClient, project: str, thread: str
) -> None:
    run = await client.runs.create(thread, "production", input={"brief": LONG})
    await asleep(client, thread)

    await client.runs.cancel(thread, run["run_id"], wait=True)
    await client.runs.cancel(thread, run["run_id"])

    assert (await client.runs.get(thread, run["run_id"]))["status"] == "interrupted"
    assert (await client.threads.get(thread))["status"] == "idle"
    [job] = (await board_of(alice, project))["recent_jobs"]
    assert job["status"] in {"queued", "processing"}
    await alice.call("POST", f"/api/jobs/{job['job_id']}/cancel", expect=202)


async def test_a_second_run_is_refused_waits_or_takes_the_first_one_s_place(
    client: LangGraphClient, thread: str
) -> None:
    first = await client.runs.create(thread, "production", input={"brief": LONG})
    await asleep(client, thread)

    with pytest.raises(ConflictError):
        await client.runs.create(thread, "production", input={"brief": BRIEF}, multitask_strategy="reject")
    waiting = await client.runs.create(thread, "production", input={"brief": "Nothing"})
    instead = await client.runs.create(
        thread, "production", input={"brief": f"A chair\n{QUICK}"}, multitask_strategy="interrupt"
    )
    await client.runs.join(thread, instead["run_id"])

    runs = {run["run_id"]: run["status"] for run in await client.runs.list(thread)}
    assert runs == {
        first["run_id"]: "interrupted",
        waiting["run_id"]: "interrupted",
        instead["run_id"]: "success",
    }
    assert [run["run_id"] for run in await client.runs.list(thread, status="success")] == [instead["run_id"]]


async def test_runs_are_cancelled_together_and_deleted(client: LangGraphClient, thread: str) -> None:
    runs = [await client.runs.create(thread, "production", input={"brief": LONG}, after_seconds=60) for _ in range(2)]

    await client.runs.cancel_many(thread_id=thread, run_ids=[run["run_id"] for run in runs])
    await client.runs.delete(thread, runs[0]["run_id"])

    assert [(run["run_id"], run["status"]) for run in await client.runs.list(thread)] == [
        (runs[1]["run_id"], "interrupted")
    ]


async def test_runs_without_a_thread_work_on_the_project_that_they_name(client: LangGraphClient, project: str) -> None:
    silent = {"brief": "A lamp\nplanner: silent", "project_id": project}
    batch: Any = [{"assistant_id": "production", "input": silent}] * 2

    values: Any = await client.runs.wait(None, "production", input={"brief": BRIEF, "project_id": project})
    started = await client.runs.create_batch(batch)

    assert "1 picture approved" in values["answer"]
    assert len({run["thread_id"] for run in started}) == 2


async def test_the_store_keeps_values_for_the_tenant(client: LangGraphClient, stranger: LangGraphClient) -> None:
    space = f"looks-{uuid4().hex}"
    await client.store.put_item([space, "night"], "lamp", {"light": "warm"})

    item = await client.store.get_item([space, "night"], "lamp")
    found = await client.store.search_items([space], filter={"light": "warm"})
    namespaces: Any = await client.store.list_namespaces(prefix=[space])
    foreign = await stranger.store.search_items([space])
    await client.store.delete_item([space, "night"], "lamp")

    assert item["value"] == {"light": "warm"}
    assert [one["key"] for one in found["items"]] == ["lamp"]
    assert namespaces == {"namespaces": [[space, "night"]]}
    assert foreign["items"] == []
    with pytest.raises(NotFoundError):
        await client.store.get_item([space, "night"], "lamp")


async def test_threads_are_found_counted_changed_and_deleted(client: LangGraphClient, project: str) -> None:
    mark = uuid4().hex
    thread = (await client.threads.create(metadata={"project_id": project, "mark": mark}))["thread_id"]
    again = await client.threads.create(thread_id=thread, if_exists="do_nothing")
    changed = await client.threads.update(thread, metadata={"mood": "calm"})

    found = await client.threads.search(metadata={"mark": mark}, status="idle", sort_by="updated_at")
    count = await client.threads.count(metadata={"mark": mark})
    await client.threads.delete(thread)

    assert again["thread_id"] == thread
    assert changed["metadata"] == {"project_id": project, "mark": mark, "mood": "calm"}
    assert ([one["thread_id"] for one in found], count) == ([thread], 1)
    with pytest.raises(NotFoundError):
        await client.threads.get(thread)
    other = (await client.threads.create())["thread_id"]
    with pytest.raises(ConflictError):
        await client.threads.create(thread_id=other)


@pytest.mark.parametrize(
    ("directive", "code"),
    [("invalid-arguments", "MODEL_MISBEHAVED"), ("endless", "TURN_LIMIT"), ("silent", "MODEL_FAILED")],
)
async def test_a_model_that_goes_wrong_ends_its_run_with_a_clear_error_and_nothing_half_made(
    alice: User, client: LangGraphClient, project: str, thread: str, directive: str, code: str
) -> None:
    with pytest.raises(Exception, match=f"^{code}: "):
        await produced(client, thread, f"A lamp\nplanner: {directive}")

    assert (await client.threads.get(thread))["status"] == "error"
    memory = await board_of(alice, project)
    assert (memory["activities"], memory["recent_jobs"]) == ([], [])


async def test_a_model_that_asks_once_for_a_tool_that_there_is_not_is_told_and_goes_on(
    client: LangGraphClient, thread: str
) -> None:
    values: Any = await produced(client, thread, f"{BRIEF}\nplanner: unknown-tool")

    assert "UNKNOWN_TOOL" in values["messages"][2]["content"]
    assert "1 picture approved" in values["answer"]


async def test_a_failed_run_can_be_followed_by_another(client: LangGraphClient, thread: str) -> None:
    parts = [
        part async for part in client.runs.stream(thread, "production", input={"brief": "A lamp\nplanner: silent"})
    ]

    values: Any = await produced(client, thread)

    assert (parts[-1].event, parts[-1].data["error"]) == ("error", "MODEL_FAILED")
    assert "1 picture approved" in values["answer"]


async def test_a_review_recommends_one_of_a_card_s_candidates(alice: User, client: LangGraphClient) -> None:
    card = await alice.make_card("A lamp")
    jobs = await asyncio.gather(*(alice.create_job(card, params={"prompt": p}) for p in ("A chair", "A lamp")))
    await asyncio.gather(*map(alice.ended, jobs))
    thread = (await client.threads.create(metadata={"project_id": card["project_id"]}))["thread_id"]

    values: Any = await client.runs.wait(thread, "review", input={"card_id": card["id"]})

    recommendation = values["recommendation"]
    assert (recommendation["card_id"], recommendation["job_id"]) == (card["id"], jobs[1])
    assert recommendation["reason"] == values["answer"]


async def test_another_tenant_reaches_a_thread_by_no_call(
    client: LangGraphClient, stranger: LangGraphClient, thread: str
) -> None:
    run = (await client.runs.create(thread, "production", input={"brief": ASKING}))["run_id"]
    await client.runs.join(thread, run)
    threads, runs = stranger.threads, stranger.runs
    attempts: dict[str, Callable[[], Any]] = {
        "get": lambda: threads.get(thread),
        "update": lambda: threads.update(thread, metadata={"a": 1}),
        "delete": lambda: threads.delete(thread),
        "get_state": lambda: threads.get_state(thread),
        "update_state": lambda: threads.update_state(thread, {"answer": "x"}, as_node="finish"),
        "get_history": lambda: threads.get_history(thread),
        "create": lambda: runs.create(thread, "production", input={"brief": "x"}),
        "resume": lambda: runs.create(thread, "production", command={"resume": {"approved": True}}),
        "list": lambda: runs.list(thread),
        "get_run": lambda: runs.get(thread, run),
        "cancel": lambda: runs.cancel(thread, run),
        "delete_run": lambda: runs.delete(thread, run),
    }

    reached = []
    for name, attempt in attempts.items():
        try:
            await attempt()
        except NotFoundError:
            continue
        reached.append(name)
    assert reached == []
    for waited in (runs.join(thread, run), runs.wait(thread, "production", input={"brief": "x"})):
        with pytest.raises(httpx.HTTPStatusError) as refused:
            await waited
        assert refused.value.response.status_code == 404
    for stream in (runs.join_stream(thread, run), runs.stream(thread, "production", input={"brief": "x"})):
        with pytest.raises(NotFoundError):
            await anext(stream)
    assert await threads.search(ids=[thread]) == []
    assert (await client.threads.get(thread))["status"] == "interrupted"


async def test_a_follower_of_the_project_hears_how_its_run_goes(
    alice: User, client: LangGraphClient, project: str, thread: str
) -> None:
    socket = await alice.socket()
    await socket.ask({"type": "subscribe", "context_id": project})
    run = await client.runs.create(thread, "production", input={"brief": ASKING})

    updates: dict[int, dict[str, Any]] = {}
    while "approval" not in {update["data"].get("waiting_for") for update in updates.values()}:
        message = await socket.receive()
        if is_update(message) and message["context_id"] == project:
            updates[message["offset"]] = message
    await socket.close()

    assert sorted(updates) == list(range(min(updates), max(updates) + 1))
    told = [updates[offset] for offset in sorted(updates) if updates[offset]["type"] == "agent_update"]
    assert {update["data"]["run_id"] for update in told} == {run["run_id"]}
    assert [(update["data"]["status"], update["data"]["waiting_for"]) for update in told] == [
        ("pending", None),
        ("running", None),
        ("running", "jobs"),
        ("running", None),
        ("interrupted", "approval"),
    ]


class TestRemoteGraph:
    """A graph elsewhere that is used as if it were here."""

    async def test_it_is_invoked_and_its_states_are_read(self, remote: RemoteGraph, thread: str) -> None:
        config: Any = {"configurable": {"thread_id": thread}}

        values: Any = await asyncio.to_thread(remote.invoke, {"brief": BRIEF}, config)
        state = await asyncio.to_thread(remote.get_state, config)
        history = await asyncio.to_thread(lambda: list(remote.get_state_history(config, limit=3)))
        earlier = await remote.aget_state(history[1].config)
        ahistory = [one async for one in remote.aget_state_history(config, limit=2, before=history[0].config)]

        assert "1 picture approved" in values["answer"]
        assert (state.values["answer"], state.next) == (values["answer"], ())
        assert history[0] == state
        assert earlier.next == ("finish",)
        assert ahistory == history[1:]

    async def test_it_asks_and_goes_on_with_the_answer(self, remote: RemoteGraph, thread: str) -> None:
        config: Any = {"configurable": {"thread_id": thread}}

        asked: Any = await remote.ainvoke({"brief": ASKING}, config)
        state = await remote.aget_state(config)
        [interrupt] = asked["__interrupt__"]
        answer = {"approved": True, "choice": interrupt["value"]["choices"][0]}
        values: Any = await remote.ainvoke(Command(resume=answer), config)

        assert (state.next, [one.id for one in state.interrupts]) == (("approve",), [interrupt["id"]])
        assert "1 picture approved" in values["answer"]

    async def test_it_is_followed(self, remote: RemoteGraph, thread: str) -> None:
        config: Any = {"configurable": {"thread_id": thread}}

        def follow() -> list[Any]:
            return list(remote.stream({"brief": BRIEF}, config, stream_mode="updates"))

        updates = await asyncio.to_thread(follow)

        assert [name for update in updates for name in update][-1] == "finish"

    async def test_it_needs_no_thread_if_the_project_is_named(self, remote: RemoteGraph, project: str) -> None:
        named: Any = {"configurable": {"project_id": project}}

        by_config: Any = await remote.ainvoke({"brief": BRIEF}, named)
        by_input: list[Any] = [
            part
            async for part in remote.astream({"brief": BRIEF, "project_id": project}, stream_mode=["values", "updates"])
        ]

        assert "1 picture approved" in by_config["answer"]
        assert "done already" in by_input[-1][1]["answer"]

    async def test_its_state_is_changed(self, remote: RemoteGraph, thread: str) -> None:
        config: Any = {"configurable": {"thread_id": thread}}
        await remote.ainvoke({"brief": BRIEF}, config)

        changed = await remote.aupdate_state(config, {"answer": "Better."}, as_node="finish")

        assert (await remote.aget_state(changed)).values["answer"] == "Better."

    async def test_its_failure_is_raised_here(self, remote: RemoteGraph, thread: str) -> None:
        with pytest.raises(RemoteException, match="MODEL_FAILED"):
            await remote.ainvoke({"brief": "A lamp\nplanner: silent"}, {"configurable": {"thread_id": thread}})


async def test_the_client_that_waits_in_place_does_the_same(alice: User, project: str) -> None:
    def use() -> tuple[Any, list[str], Any]:
        with sync_client_of(alice) as client:
            thread = client.threads.create(metadata={"project_id": project})["thread_id"]
            names = [
                part.event
                for part in client.runs.stream(thread, "production", input={"brief": BRIEF}, stream_mode="updates")
            ]
            values = client.runs.wait(thread, "production", input={"brief": BRIEF})
            return values, names, client.threads.get_state(thread)

    values, names, state = await asyncio.to_thread(use)

    assert "done already" in values["answer"]
    assert (names[0], names[-1]) == ("metadata", "end")
    assert state["values"]["answer"] == values["answer"]


async def test_nobody_is_served_without_a_token(stack: Stack) -> None:
    async with httpx.AsyncClient(base_url=stack.http) as anyone:
        for path in ("/agents/threads/search", "/agents/assistants/search", "/agents/runs"):
            assert (await anyone.post(path, json={})).status_code == 401


async def test_a_directive_that_makes_no_sense_ends_the_run(client: LangGraphClient, thread: str) -> None:
    run = await client.runs.create(thread, "production", input={"brief": f"{BRIEF}\nplanner: wait=quorum:x"})

    values: Any = await client.runs.join(thread, run["run_id"])

    assert values["__error__"]["error"] == "MODEL_FAILED"
