"""The routes: Replicate's predictions API, the push service, outputs, and the control of both for tests."""

import asyncio
import base64
import binascii
import hmac
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from callboard_local.generator.answers import NoAnswer, output_answer
from callboard_local.generator.courier import Courier
from callboard_local.generator.errors import (
    InvalidRequestError,
    RefusalError,
    SimulatedRefusalError,
    UnauthenticatedError,
    UnknownPredictionError,
)
from callboard_local.generator.generations import Prediction, newest_first, occurrence_key
from callboard_local.generator.log import outcome
from callboard_local.generator.pictures import Gallery
from callboard_local.generator.requests import (
    NewOutage,
    NewPrediction,
    NewPushJob,
    deadline_seconds,
    parsed,
    wait_seconds,
)
from callboard_local.generator.settings import GeneratorSettings
from callboard_local.generator.simulation import Simulation
from callboard_local.generator.store import Store
from callboard_local.generator.studio import Studio

PAGE_SIZE = 100
OUTPUT_NAME = re.compile(r"out-([0-3])\.png")


class Service:
    """The endpoints."""

    def __init__(self, settings: GeneratorSettings) -> None:
        self._settings = settings
        self._store = Store(settings.kept_generations)
        self._gallery = Gallery(settings.kept_picture_bytes)
        self._studio: Studio

    @asynccontextmanager
    async def running(self, _: Starlette) -> AsyncIterator[None]:
        """Hold what needs the event loop."""
        courier = Courier(self._settings)
        self._studio = Studio(self._settings, self._store, courier)
        try:
            yield
        finally:
            await self._studio.close()
            await courier.close()
            await self._gallery.close()

    async def health(self, _: Request) -> Response:
        """GET /healthz."""
        return JSONResponse({"status": "ok"})

    async def create_prediction(self, request: Request) -> Response:
        """POST /v1/predictions."""
        self._require_client(request)
        wait = wait_seconds(request)
        deadline = deadline_seconds(request, self._settings.minimum_deadline)
        new, raw = await parsed(NewPrediction, request)
        simulation = new.input.simulate
        occurrence = await self._begin_creation(simulation, new.webhook, new.input.prompt)
        if not simulation.accept and simulation.drops_answer(occurrence):
            return NoAnswer()
        prediction = self._studio.accept_prediction(
            new,
            raw["input"],
            base_url=self._base_url(request),
            correlation_id=request.headers.get("x-correlation-id"),
            deadline_seconds=deadline,
            occurrence=occurrence,
        )
        await asyncio.sleep(simulation.create_delay)
        if simulation.drops_answer(occurrence):
            return NoAnswer()
        if wait:
            await prediction.ended_within(wait)
        return JSONResponse(prediction.as_json(), status_code=201)

    async def list_predictions(self, request: Request) -> Response:
        """GET /v1/predictions."""
        self._require_client(request)
        before, after = _read_cursor(request.query_params.get("cursor"))
        predictions = self._store.predictions()
        page = newest_first(predictions, before, after, PAGE_SIZE)
        older = newer = None
        if page and page[-1].number > predictions[0].number:
            older = f"b{page[-1].number}"
        if page and page[0].number < predictions[-1].number:
            newer = f"a{page[0].number}"
        return JSONResponse(
            {
                "next": self._page_url(request, older),
                "previous": self._page_url(request, newer),
                "results": [each.as_json() for each in page],
            }
        )

    async def get_prediction(self, request: Request) -> Response:
        """GET /v1/predictions/{id}."""
        self._require_client(request)
        prediction = self._prediction(request)
        prediction.calls["get"] += 1
        if prediction.simulation.refuses_read(prediction.calls["get"]):
            raise SimulatedRefusalError(prediction.simulation.get_status or 500, prediction.simulation.retry_after)
        return JSONResponse(prediction.as_json())

    async def cancel_prediction(self, request: Request) -> Response:
        """POST /v1/predictions/{id}/cancel."""
        self._require_client(request)
        prediction = self._prediction(request)
        prediction.calls["cancel"] += 1
        self._studio.cancel(prediction)
        return JSONResponse(prediction.as_json())

    async def create_push_job(self, request: Request) -> Response:
        """POST /push/jobs."""
        self._require_client(request)
        new, _ = await parsed(NewPushJob, request)
        simulation = new.params.simulate
        occurrence = await self._begin_creation(simulation, new.status_url, new.params.prompt)
        if not simulation.accept and simulation.drops_answer(occurrence):
            return NoAnswer()
        job = self._studio.accept_push_job(
            new,
            base_url=self._base_url(request),
            correlation_id=request.headers.get("x-correlation-id"),
            occurrence=occurrence,
        )
        await asyncio.sleep(simulation.create_delay)
        if simulation.drops_answer(occurrence):
            return NoAnswer()
        return JSONResponse({"id": job.id}, status_code=202)

    async def get_file(self, request: Request) -> Response:
        """GET /files/{id}/{name}: as public as a delivery host's URLs, which cannot be guessed."""
        generation = self._store.find(request.path_params["id"])
        name = OUTPUT_NAME.fullmatch(request.path_params["name"])
        if generation is None or generation.status != "succeeded" or name is None:
            raise UnknownPredictionError
        index = int(name[1])
        if index >= generation.picture.num_outputs:
            raise UnknownPredictionError
        generation.calls["file"] += 1
        return await output_answer(generation.simulation, await self._gallery.picture(generation, index))

    async def list_accepted(self, request: Request) -> Response:
        """GET /control/predictions: what was accepted, newest first, and what has happened to it."""
        self._require_token(request)
        wanted = request.query_params.get("webhook_contains", "")
        found = [each for each in reversed(self._store.all()) if wanted in (each.callback_url or "")]
        return JSONResponse(
            {
                "results": [
                    each.as_control(
                        self._store.occurrences(occurrence_key(each.simulation, each.callback_url, each.picture.prompt))
                    )
                    for each in found
                ]
            }
        )

    async def begin_outage(self, request: Request) -> Response:
        """POST /control/outage."""
        self._require_token(request)
        new, _ = await parsed(NewOutage, request)
        self._store.begin_outage(new.seconds, new.status, new.retry_after)
        outcome("outage_begun", status=new.status, seconds=new.seconds)
        return Response(status_code=204)

    async def end_outage(self, request: Request) -> Response:
        """DELETE /control/outage."""
        self._require_token(request)
        self._store.end_outage()
        outcome("outage_ended")
        return Response(status_code=204)

    async def reset(self, request: Request) -> Response:
        """POST /control/reset: forget everything, drop all work."""
        self._require_token(request)
        self._studio.forget()
        self._store.reset()
        outcome("reset")
        return Response(status_code=204)

    def routes(self) -> list[Route]:
        """List the routes."""
        return [
            Route("/healthz", self.health, methods=["GET"]),
            Route("/v1/predictions", self.create_prediction, methods=["POST"]),
            Route("/v1/predictions", self.list_predictions, methods=["GET"]),
            Route("/v1/predictions/{id}", self.get_prediction, methods=["GET"]),
            Route("/v1/predictions/{id}/cancel", self.cancel_prediction, methods=["POST"]),
            Route("/push/jobs", self.create_push_job, methods=["POST"]),
            Route("/files/{id}/{name}", self.get_file, methods=["GET"]),
            Route("/control/predictions", self.list_accepted, methods=["GET"]),
            Route("/control/outage", self.begin_outage, methods=["POST"]),
            Route("/control/outage", self.end_outage, methods=["DELETE"]),
            Route("/control/reset", self.reset, methods=["POST"]),
        ]

    async def _begin_creation(self, simulation: Simulation, callback_url: str | None, prompt: str) -> int:
        """Count a creation and refuse it if that is what was asked for."""
        occurrence = self._store.count(occurrence_key(simulation, callback_url, prompt))
        if simulation.refuses_creation(occurrence):
            await asyncio.sleep(simulation.create_delay)
            outcome("creation_refused", status=simulation.http_status, occurrence=occurrence)
            raise SimulatedRefusalError(simulation.http_status or 500, simulation.retry_after)
        return occurrence

    def _require_client(self, request: Request) -> None:
        self._require_token(request)
        self._store.require_service()

    def _require_token(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        known = self._settings.token.get_secret_value().encode()
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), known):
            raise UnauthenticatedError

    def _prediction(self, request: Request) -> Prediction:
        found = self._store.find(request.path_params["id"])
        if not isinstance(found, Prediction):
            raise UnknownPredictionError
        return found

    def _base_url(self, request: Request) -> str:
        return (self._settings.public_url or str(request.base_url)).rstrip("/")

    def _page_url(self, request: Request, position: str | None) -> str | None:
        if position is None:
            return None
        cursor = base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")
        return f"{self._base_url(request)}/v1/predictions?cursor={cursor}"


def make_app(settings: GeneratorSettings) -> Starlette:
    """Return the application."""
    service = Service(settings)
    return Starlette(
        routes=service.routes(),
        lifespan=service.running,
        exception_handlers={RefusalError: _refusal, 404: _plain_refusal, 405: _plain_refusal},
    )


async def _refusal(_: Request, error: Exception) -> Response:
    if not isinstance(error, RefusalError):
        raise error
    headers = {} if error.retry_after is None else {"retry-after": str(error.retry_after)}
    return JSONResponse(error.body, status_code=error.status, headers=headers)


async def _plain_refusal(_: Request, error: Exception) -> Response:
    status: Any = getattr(error, "status_code", 500)
    detail = str(getattr(error, "detail", ""))
    return JSONResponse({"title": detail, "detail": detail, "status": status}, status_code=status)


def _read_cursor(cursor: str | None) -> tuple[int | None, int | None]:
    """Return the numbers that a page lies before or after."""
    if cursor is None:
        return None, None
    try:
        position = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        side, number = position[:1], int(position[1:])
    except (binascii.Error, ValueError):
        side, number = "", 0
    if side not in {"a", "b"}:
        raise InvalidRequestError([{"type": "invalid", "field": "cursor", "description": "cursor is not valid"}])
    return (number, None) if side == "b" else (None, number)
