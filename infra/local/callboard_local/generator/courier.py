"""Delivery of callbacks: Standard Webhooks signatures, a few retries, no redirects."""

import asyncio
import base64
import json
import logging
import secrets
from datetime import UTC, datetime, timedelta

import httpx
from standardwebhooks.webhooks import Webhook

from callboard_local.generator.generations import Body, Delivery
from callboard_local.generator.log import outcome
from callboard_local.generator.settings import GeneratorSettings
from callboard_local.generator.simulation import CallbackSimulation

# Well beyond the five minutes that receivers tolerate.
OLD = timedelta(hours=1)
# Whoever is called back here starts a process for each callback that comes while others are worked on.
CONNECTIONS = 4


class Courier:
    """Posts signed bodies."""

    def __init__(self, settings: GeneratorSettings) -> None:
        self._settings = settings
        self._webhook = Webhook(settings.webhook_secret.get_secret_value())
        self._impostor = Webhook(f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}")
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(settings.callback_timeout, pool=None),
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
            follow_redirects=False,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def deliver(self, url: str, delivery: Delivery, body: Body, behaviour: CallbackSimulation) -> None:
        """Send a callback as often as told; each time, try until it is taken, a bounded number of times."""
        content = json.dumps(body, separators=(",", ":")).encode()
        try:
            for _ in range(behaviour.times):
                taken = await self._deliver_once(url, delivery, content, behaviour)
        finally:
            # A callback that waits for this one must not wait for ever.
            delivery.tried.set()
        outcome(
            "callback_taken" if taken else "callback_given_up",
            level=logging.INFO if taken else logging.WARNING,
            event=delivery.event,
            webhook_id=delivery.webhook_id,
            attempts=delivery.attempts,
            answer=delivery.answers[-1],
        )

    async def _deliver_once(self, url: str, delivery: Delivery, content: bytes, behaviour: CallbackSimulation) -> bool:
        wait = self._settings.callback_retry_seconds
        for last in [False] * (self._settings.callback_tries - 1) + [True]:
            delivery.attempts += 1
            answer = await self._post(url, delivery.webhook_id, content, behaviour)
            delivery.answers.append(answer)
            delivery.tried.set()
            if isinstance(answer, int) and 200 <= answer < 300:
                return True
            if not last:
                await asyncio.sleep(wait)
                wait *= 3
        return False

    async def _post(self, url: str, webhook_id: str, content: bytes, behaviour: CallbackSimulation) -> int | str:
        headers = {"content-type": "application/json", **self._signature(webhook_id, content, behaviour)}
        try:
            response = await self._client.post(url, content=content, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return type(error).__name__
        return response.status_code

    def _signature(self, webhook_id: str, content: bytes, behaviour: CallbackSimulation) -> dict[str, str]:
        now = datetime.now(UTC) - (OLD if behaviour.signature == "old" else timedelta())
        signer = self._impostor if behaviour.signature == "bad" else self._webhook
        headers = {"webhook-id": webhook_id, "webhook-timestamp": str(int(now.timestamp()))}
        if behaviour.signature != "missing":
            headers["webhook-signature"] = signer.sign(webhook_id, now, content.decode())
        return headers
