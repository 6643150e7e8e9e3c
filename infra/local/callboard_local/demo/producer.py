"""Having a brief produced: it is handed to the agent, the board is followed, the agent's questions are answered."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Protocol

import httpx
from langgraph_sdk import get_client
from langgraph_sdk.errors import ConflictError
from websockets.exceptions import WebSocketException

from callboard.connections.client import Ended, FollowError, Item, LiveStream, Update
from callboard_local.demo.brief import Brief, as_markdown
from callboard_local.demo.production import Answer, Note, Production, Question, Wait, counted
from callboard_local.demo.turns import Turns, question_of, sleep_of
from callboard_local.errors import StackError

ASSISTANT = "production"
# More than the slowest picture takes, and less than a person waits before looking elsewhere.
SECONDS_WITHOUT_NEWS = 60.0
# After so much silence, it is asked whether the run goes on.
QUIET_SECONDS = 5.0
ACTIVE = frozenset({"pending", "running"})
PAGE = 200

type Decide = Callable[[Question, dict[str, bytes]], Awaitable[Answer]]


class Audience(Protocol):
    """Who is told how it goes."""

    def say(self, note: Note) -> None:
        """Take a line."""

    def show(self, production: Production) -> None:
        """Take the production as it is now."""


class Producer:
    """A client that gives the agent a brief and follows its work."""

    def __init__(
        self,
        http_url: str,
        agents_url: str,
        token: str,
        audience: Audience,
        decide: Decide,
        patience: float = SECONDS_WITHOUT_NEWS,
    ) -> None:
        """Prepare; `produce` does it.

        Args:
            http_url: The HTTP API's URL.
            agents_url: Where agents speak the LangGraph SDK's protocol.
            token: An access token.
            audience: Is told whatever happens.
            decide: Answers the agent's questions, with the pictures to choose from by job.
            patience: After so many seconds without news, something is wrong.
        """
        self._url, self._agents_url, self._token = http_url, agents_url, token
        self._audience, self._decide, self._patience = audience, decide, patience
        self._headers = {"authorization": f"Bearer {token}"}
        self._turns = Turns()

    async def produce(self, brief: Brief) -> Production:
        """Have a brief produced; return when each of its cards has an approved asset.

        Raises:
            StackError: A card has none in the end, the run failed, or the stack is gone; the message says why.
        """
        production = Production(brief)
        try:
            async with (
                httpx.AsyncClient(base_url=self._url, headers=self._headers, timeout=30) as self._http,
                # Without a key of its own the SDK would send one that it finds in the environment.
                get_client(url=self._agents_url, api_key=None, headers=self._headers) as self._agents,
                LiveStream(self._url, self._token, on_message=lambda message: _time(message, production)) as stream,
            ):
                await self._work(production, stream)
        except httpx.HTTPStatusError as error:
            status, body = error.response.status_code, error.response.text[:300]
            what = "The stack failed" if status >= 500 else "The stack refused a request"
            raise StackError(
                f"{what}: {error.request.method} {error.request.url.path} gave {status}: {body}"
            ) from error
        except FollowError as error:
            raise StackError(f"The project cannot be followed: {error.code}: {error}") from error
        except (httpx.TransportError, WebSocketException, OSError) as error:
            raise StackError(f"The stack does not answer any more ({type(error).__name__}).") from error
        if shortcomings := production.shortcomings():
            raise StackError(
                f"{len(shortcomings)} of {len(brief.cards)} cards got no picture. {'; '.join(shortcomings)}"
            )
        return production

    async def _work(self, production: Production, stream: LiveStream) -> None:
        project = {"name": production.brief.title, "description": production.brief.description}
        answer = await self._http.post("/api/projects", json=project)
        answer.raise_for_status()
        production.project_id = answer.json()["id"]
        await stream.follow(production.project_id)
        thread = await self._agents.threads.create(metadata={"project_id": production.project_id})
        production.thread_id = thread["thread_id"]
        # The first read of a state loads LangGraph into the function. Later, with jobs under way, that would hold all
        # news up for seconds.
        await self._agents.threads.get_state(production.thread_id)
        brief = {"brief": as_markdown(production.brief)}
        run = await self._agents.runs.create(production.thread_id, ASSISTANT, input=brief)
        production.run_ids.append(run["run_id"])
        while (status := await self._end_of_run(production, stream)) == "interrupted":
            await self._answer(production)
        state = await self._state(production)
        await self._collect(production)
        if status != "success":
            failed = await self._agents.runs.get(production.thread_id, production.run_ids[-1])
            error: Any = failed.get("error") or {"code": status, "message": "no reason given"}
            raise StackError(f"The agent's run ended with {status}: {error['code']}: {error['message']}")
        self._audience.say(Note("agent", f"done: {state['values'].get('answer') or '(no words)'}"))

    async def _end_of_run(self, production: Production, stream: LiveStream) -> str:
        """Follow the board until the present run has ended; return its status."""
        last_news = time.monotonic()
        while True:
            item = await _next(stream)
            if isinstance(item, Ended):
                raise StackError("The project was deleted while it was produced.")
            if isinstance(item, Update):
                last_news = time.monotonic()
                production.updates += 1
                status = await self._take(production, item)
            elif time.monotonic() - last_news > self._patience:
                waiting = ", ".join(card.title for card in production.board if card.state != "approved")
                raise StackError(
                    f"No news for {self._patience:.0f} seconds; still waiting for: {waiting or 'the plan'}."
                )
            else:
                run = await self._agents.runs.get(production.thread_id, production.run_ids[-1])
                status = run["status"]
            self._audience.show(production)
            if status is not None and status not in ACTIVE:
                return status

    async def _take(self, production: Production, update: Update) -> str | None:
        """Take an update over; return the status of the present run if it is about that."""
        if update.type != "agent_update":
            for note in production.take(update):
                self._audience.say(note)
            return None
        data = update.data
        if data["thread_id"] != production.thread_id:
            return None
        if data["run_id"] not in production.run_ids:
            # Somebody at the board has answered before us; the thread goes on with a run of theirs.
            production.run_ids.append(data["run_id"])
        if data["run_id"] != production.run_ids[-1]:
            return None
        if data["status"] == "running":
            await self._went_on(production, data["waiting_for"], datetime.fromisoformat(update.message["timestamp"]))
        status: str = data["status"]
        return status

    async def _went_on(self, production: Production, waiting_for: str | None, at: datetime) -> None:
        """Tell that the agent began, fell asleep or woke up, which happened at this time."""
        waits = production.waits
        if waiting_for == "jobs":
            job_ids, mode, needed = sleep_of(await self._state(production))
            waits.append(Wait(at, job_ids, mode, needed))
            jobs = counted(len(job_ids), "job", "jobs")
            text = f"sleeps for {jobs}" if mode == "all" else f"sleeps for {needed} of {jobs}"
        elif waits and waits[-1].woken_at is None:
            waits[-1].woken_at = at
            text = f"woken after {waits[-1].seconds:.1f} s"
        else:
            text = "plans" if len(production.run_ids) == 1 else "goes on"
        self._audience.say(Note("agent", text))

    async def _state(self, production: Production) -> Any:
        """Read the thread's state, and tell what is new in it."""
        state = await self._agents.threads.get_state(production.thread_id)
        for note in self._turns.tell(state, production):
            self._audience.say(note)
        return state

    async def _answer(self, production: Production) -> None:
        question = question_of(await self._state(production))
        if question is None:
            raise StackError("The agent's run was cancelled.")
        self._audience.say(Note("agent", f"asks: {question.text}"))
        answer = await self._decide(question, await self._pictures_of(question))
        try:
            run = await self._agents.runs.create(production.thread_id, ASSISTANT, command={"resume": answer.resume})
        except ConflictError:
            self._audience.say(Note("demo", "somebody else has answered already"))
            return
        production.run_ids.append(run["run_id"])
        production.talks.append((question, answer))
        self._audience.say(Note("demo", f"answered: {answer.told}"))

    async def _pictures_of(self, question: Question) -> dict[str, bytes]:
        jobs = [await self._get(f"/api/jobs/{job_id}") for job_id in question.choices]
        return await download({job["job_id"]: job["result_url"] for job in jobs if job["result_url"]})

    async def _collect(self, production: Production) -> None:
        """Read how everything stands in the end: the run's last update may come before the last ones of cards."""
        project = f"/api/projects/{production.project_id}"
        activities = await self._all(f"{project}/activities?")
        jobs = await self._all(f"/api/jobs?project_id={production.project_id}&")
        production.settle(activities, jobs, await self._all(f"{project}/assets?"))
        runs = [await self._agents.runs.get(production.thread_id, run_id) for run_id in production.run_ids]
        for run in runs:
            usage: Any = run.get("usage") or {}
            production.usage.update(usage)
        cards = [card for activity in activities for card in activity["cards"]]
        slept_at = production.waits[0].slept_at if production.waits else None
        production.timings.add_plan(_moment(runs[0]["created_at"]), slept_at, cards)
        self._audience.show(production)

    async def _get(self, path: str) -> Any:
        answer = await self._http.get(path)
        answer.raise_for_status()
        return answer.json()

    async def _all(self, path: str) -> list[dict[str, Any]]:
        """Read a list to its end."""
        items: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = await self._get(f"{path}limit={PAGE}{cursor}")
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            cursor = f"&cursor={page['next_cursor']}"


async def _next(stream: LiveStream) -> Item | None:
    """Return what happens next; None if nothing does for a while."""
    try:
        return await asyncio.wait_for(anext(stream), QUIET_SECONDS)
    except TimeoutError:
        return None


def _time(message: dict[str, Any], production: Production) -> None:
    # As it comes: in the stream a message may wait for those before it, and for us.
    if message["type"] == "job_update" and "timestamp" in message:
        production.timings.add_message(message["timestamp"])


def _moment(value: Any) -> datetime:
    """Return a time of the SDK, which types it as one and leaves it as text."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


async def download(urls: dict[str, str]) -> dict[str, bytes]:
    """Download what URLs lead to; the keys stay."""
    async with httpx.AsyncClient(timeout=30) as http:

        async def fetch(key: str, url: str) -> tuple[str, bytes]:
            answer = await http.get(url)
            answer.raise_for_status()
            return key, answer.content

        return dict(await asyncio.gather(*(fetch(key, url) for key, url in urls.items())))
