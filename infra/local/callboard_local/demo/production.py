"""A production over HTTP and WebSocket: the board is laid out, jobs are sent, candidates approved as they come in."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from callboard.connections.client import LiveStream, Update
from callboard_local.demo.brief import Brief
from callboard_local.demo.timings import Timings
from callboard_local.errors import StackError

# More than the slowest picture takes, and less than a person waits before looking elsewhere.
SECONDS_WITHOUT_NEWS = 60.0
SENDERS = 2


@dataclass
class CardProgress:
    """A card of the production as the live updates tell it."""

    card_id: str
    title: str
    activity: str
    jobs: dict[str, str] = field(default_factory=dict)
    asset: dict[str, Any] | None = None
    error: str | None = None

    @property
    def state(self) -> str:
        """Say in one word how the card fares."""
        if self.asset:
            return "approved"
        if self.error:
            return "failed"
        statuses = set(self.jobs.values())
        for status in ("processing", "queued", "completed"):
            if status in statuses:
                return status
        return "planned"


@dataclass
class Production:
    """All that is known of a running production."""

    brief: Brief
    project_id: str = ""
    cards: dict[str, CardProgress] = field(default_factory=dict)
    timings: Timings = field(default_factory=Timings)
    updates: int = 0
    jobs: list[dict[str, Any]] = field(default_factory=list)
    assets: list[dict[str, Any]] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        """Return whether every card has its asset, or cannot get one."""
        return all(card.state in {"approved", "failed"} for card in self.cards.values())


type Show = Callable[[Production], None]


class Producer:
    """A client that produces a brief as a person at the board would."""

    def __init__(self, http_url: str, token: Callable[[], str], show: Show) -> None:
        """Prepare; `produce` does it. `show` is called whenever something changed."""
        self._http = httpx.AsyncClient(base_url=http_url, timeout=30)
        self._url, self._token, self._show = http_url, token, show

    async def produce(self, brief: Brief) -> Production:
        """Produce a brief; return when every card has an approved asset.

        Raises:
            StackError: A card cannot get one, or the stack is gone; the message says which and why.
        """
        production = Production(brief)
        try:
            async with self._http, LiveStream(self._url, self._token) as stream:
                await self._lay_out(production)
                await stream.follow(production.project_id)
                await self._send_jobs(production)
                await self._follow(production, stream)
                await self._collect(production)
        except httpx.HTTPStatusError as error:
            status, body = error.response.status_code, error.response.text[:300]
            what = "The stack failed" if status >= 500 else "The stack refused a request"
            raise StackError(
                f"{what}: {error.request.method} {error.request.url.path} gave {status}: {body}"
            ) from error
        except (httpx.TransportError, OSError) as error:
            raise StackError(f"The stack does not answer any more ({type(error).__name__}).") from error
        return production

    async def _request(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        answer = await self._http.request(
            method, path, json=body, headers={"authorization": f"Bearer {self._token()}", **(headers or {})}
        )
        answer.raise_for_status()
        return answer.json()

    async def _lay_out(self, production: Production) -> None:
        brief = production.brief
        project = await self._request("POST", "/api/projects", {"name": brief.title, "description": brief.description})
        production.project_id = project["id"]
        for activity in brief.activities:
            made = await self._request(
                "POST",
                f"/api/projects/{project['id']}/activities",
                {
                    "title": activity.title,
                    "cards": [{"title": card.title, "params": {"prompt": card.prompt}} for card in activity.cards],
                },
            )
            for card in made["cards"]:
                production.cards[card["id"]] = CardProgress(card["id"], card["title"], activity.title)
        self._show(production)

    async def _send_jobs(self, production: Production) -> None:
        turn = asyncio.Semaphore(SENDERS)
        wanted = [
            (card_id, card.prompt, candidate)
            for card_id, card in zip(production.cards, production.brief.cards, strict=True)
            for candidate in range(card.candidates)
        ]

        async def send(card_id: str, prompt: str, candidate: int) -> None:
            async with turn:
                started = time.perf_counter()
                accepted = await self._request(
                    "POST",
                    "/api/jobs",
                    {"card_id": card_id, "params": {"prompt": prompt, "seed": candidate}},
                    {"idempotency-key": f"{card_id}-{candidate}"},
                )
                production.timings.accept.append(time.perf_counter() - started)
            production.cards[card_id].jobs.setdefault(accepted["job_id"], "queued")
            self._show(production)

        await asyncio.gather(*(send(*job) for job in wanted))

    async def _follow(self, production: Production, stream: LiveStream) -> None:
        while not production.finished:
            try:
                item = await asyncio.wait_for(anext(stream), SECONDS_WITHOUT_NEWS)
            except TimeoutError as error:
                waiting = ", ".join(card.title for card in production.cards.values() if card.state != "approved")
                raise StackError(
                    f"No news for {SECONDS_WITHOUT_NEWS:.0f} seconds; still waiting: {waiting}."
                ) from error
            if not isinstance(item, Update):
                continue
            production.updates += 1
            if item.type == "job_update":
                await self._job_moved(production, item.data, item.message["timestamp"])
            elif item.type == "asset_update":
                production.cards[item.data["card_id"]].asset = item.data
            self._show(production)
        failed = [card for card in production.cards.values() if card.state == "failed"]
        if failed:
            reasons = "; ".join(f"{card.title}: {card.error}" for card in failed)
            raise StackError(f"{len(failed)} of {len(production.cards)} cards got no picture. {reasons}")

    async def _job_moved(self, production: Production, data: dict[str, Any], timestamp: str) -> None:
        production.timings.add_message(timestamp)
        card = production.cards[data["card_id"]]
        card.jobs[data["job_id"]] = data["status"]
        wanted = production.brief.cards[list(production.cards).index(card.card_id)].candidates
        ended = [status for status in card.jobs.values() if status in {"completed", "failed", "cancelled"}]
        if len(ended) < wanted or card.asset or card.error:
            return
        best = next((job_id for job_id, status in sorted(card.jobs.items()) if status == "completed"), None)
        if best is None:
            card.error = data["error_message"] or "all candidates failed"
            return
        await self._request("POST", f"/api/cards/{card.card_id}/approve", {"job_id": best})

    async def _collect(self, production: Production) -> None:
        path = f"/api/jobs?project_id={production.project_id}&limit=200"
        production.jobs = (await self._request("GET", path))["items"]
        production.timings.add_jobs(job for job in production.jobs if job["status"] == "completed")
        path = f"/api/projects/{production.project_id}/assets?limit=200"
        production.assets = (await self._request("GET", path))["items"]


async def download(assets: list[dict[str, Any]]) -> dict[str, bytes]:
    """Download approved assets by their URLs; return the bytes by card id."""
    async with httpx.AsyncClient(timeout=30) as http:

        async def fetch(asset: dict[str, Any]) -> tuple[str, bytes]:
            answer = await http.get(asset["url"])
            answer.raise_for_status()
            return asset["card_id"], answer.content

        return dict(await asyncio.gather(*(fetch(asset) for asset in assets)))
