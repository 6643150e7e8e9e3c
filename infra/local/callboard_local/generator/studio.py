"""The work: every generation is a task that starts, ends and has its callbacks sent."""

import asyncio
import secrets
from collections.abc import Coroutine
from typing import Any

from callboard_local.generator.courier import Courier
from callboard_local.generator.generations import (
    DEFAULT_START_SECONDS,
    Delivery,
    Generation,
    Prediction,
    PushJob,
    Status,
    usual_seconds,
)
from callboard_local.generator.log import outcome
from callboard_local.generator.requests import NewPrediction, NewPushJob, PictureInput
from callboard_local.generator.settings import GeneratorSettings
from callboard_local.generator.simulation import Simulation
from callboard_local.generator.store import Store

SEEDS = 2**31
# Push services report progress at these shares of the work.
REPORTED_SHARES = (0.0, 0.5)


class Studio:
    """Accepts work and sees it through."""

    def __init__(self, settings: GeneratorSettings, store: Store, courier: Courier) -> None:
        self._settings = settings
        self._store = store
        self._courier = courier
        self._tasks: set[asyncio.Task[None]] = set()

    def accept_prediction(
        self,
        request: NewPrediction,
        raw_input: dict[str, Any],
        *,
        base_url: str,
        correlation_id: str | None,
        deadline_seconds: float | None,
        occurrence: int,
    ) -> Prediction:
        """Take on a prediction."""
        prediction = Prediction(
            **self._work_of(request.input, request.input.simulate, occurrence),
            callback_url=request.webhook,
            base_url=base_url,
            correlation_id=correlation_id,
            request=request,
            input=raw_input,
            deadline_seconds=deadline_seconds,
        )
        self._begin(prediction)
        if deadline_seconds is not None:
            self._spawn(self._watch_deadline(prediction, deadline_seconds))
        return prediction

    def accept_push_job(
        self, request: NewPushJob, *, base_url: str, correlation_id: str | None, occurrence: int
    ) -> PushJob:
        """Take on a push job."""
        job = PushJob(
            **self._work_of(request.params, request.params.simulate, occurrence),
            callback_url=request.status_url,
            base_url=base_url,
            correlation_id=correlation_id,
            request=request,
        )
        self._begin(job)
        return job

    def cancel(self, prediction: Prediction) -> None:
        """Stop a prediction, unless it has ended or does not obey."""
        if not prediction.simulation.ignore_cancel:
            self._end(prediction, prediction.canceled_status)

    async def close(self) -> None:
        """Drop all work."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def forget(self) -> None:
        """Drop all work without waiting for its end."""
        for task in list(self._tasks):
            task.cancel()

    def _work_of(self, picture: PictureInput, simulation: Simulation, occurrence: int) -> dict[str, Any]:
        seconds = simulation.duration
        if seconds is None:
            seconds = usual_seconds(picture.prompt, picture.num_outputs)
        start = DEFAULT_START_SECONDS if simulation.start_delay is None else simulation.start_delay
        return {
            "id": secrets.token_hex(13),
            "number": self._store.next_number(),
            "picture": picture,
            "seed": secrets.randbelow(SEEDS) if picture.seed is None else picture.seed,
            "failure": simulation.failure(occurrence),
            "seconds": seconds / self._settings.speed,
            "start_seconds": start / self._settings.speed,
        }

    def _begin(self, generation: Generation) -> None:
        self._store.add(generation)
        self._spawn(self._work(generation))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watch_deadline(self, prediction: Prediction, seconds: float) -> None:
        if await prediction.ended_within(seconds) or prediction.simulation.ignore_cancel:
            return
        self._end(prediction, "aborted" if prediction.status == "starting" else "canceled")

    async def _work(self, generation: Generation) -> None:
        if await generation.ended_within(generation.start_seconds):
            return
        generation.start()
        final: Status = "succeeded" if generation.failure is None else "failed"
        if generation.simulation.callbacks.before_ready:
            self._announce(generation, final)
        if isinstance(generation, PushJob):
            await self._report_progress(generation)
        else:
            self._announce(generation, "processing")
            if await generation.ended_within(generation.seconds):
                return
        self._end(generation, final)

    async def _report_progress(self, job: PushJob) -> None:
        done = 0.0
        for share in REPORTED_SHARES:
            await asyncio.sleep((share - done) * job.seconds)
            self._announce(job, "processing")
            done = share
        await asyncio.sleep((1 - done) * job.seconds)

    def _end(self, generation: Generation, status: Status) -> None:
        if not generation.end(status):
            return
        outcome(
            f"{generation.kind}_{status}",
            id=generation.id,
            seconds=round(
                (generation.completed_at or generation.created_at).timestamp() - generation.created_at.timestamp(), 3
            ),
            correlation_id=generation.correlation_id,
        )
        announced = generation.simulation.callbacks.before_ready and generation.started_at is not None
        if not announced:
            self._announce(generation, status)

    def _announce(self, generation: Generation, status: Status) -> None:
        event = "start" if status == "processing" else "completed"
        if not generation.wants(event):
            return
        body = generation.report(status)
        delivery = Delivery(event, f"msg_{secrets.token_hex(12)}")
        previous = generation.deliveries[-1] if generation.deliveries else None
        generation.deliveries.append(delivery)
        self._spawn(self._deliver(generation, delivery, previous, body))

    async def _deliver(self, generation: Generation, delivery: Delivery, previous: Delivery | None, body: Any) -> None:
        behaviour = generation.simulation.callbacks
        completes = delivery.event == "completed"
        await asyncio.sleep(behaviour.delay)
        if behaviour.order == "normal" and previous is not None:
            await previous.tried.wait()
        elif behaviour.order == "reversed" and not completes and generation.wants("completed"):
            await generation.completion_tried.wait()
        try:
            await self._courier.deliver(str(generation.callback_url), delivery, body, behaviour)
        finally:
            if completes:
                generation.completion_tried.set()
