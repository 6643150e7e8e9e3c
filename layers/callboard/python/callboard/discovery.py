"""Finding a service of the stack by name, in Cloud Map."""

import random
import time
from typing import ClassVar

from callboard import aws
from callboard.errors import ServiceUnavailableError
from callboard.observability import logger
from callboard.settings import get_settings

MAX_AGE_SECONDS = 10.0


class NoHealthyInstanceError(ServiceUnavailableError):
    """No healthy instance of the service is known."""


class _Environment:
    """What an execution environment remembers: of each service, when it was asked for and its healthy URLs."""

    found: ClassVar[dict[tuple[str | None, str], tuple[float, list[str]]]] = {}


def discover(name: str, namespace: str | None = None) -> str:
    """Return the URL of a healthy instance of a service such as `job-queue`, a random one of several.

    What is found is remembered for ten seconds; that nothing was found is not. A program outside the stack, which has
    none of its settings, names the namespace: it is called like the stack.

    Raises:
        NoHealthyInstanceError: None is healthy, there is no such service, or Cloud Map does not answer.
    """
    asked_at, urls = _Environment.found.get((namespace, name), (0.0, []))
    if not urls or time.monotonic() - asked_at > MAX_AGE_SECONDS:
        urls = _healthy_urls(name, namespace or get_settings().discovery_namespace)
        _Environment.found[namespace, name] = (time.monotonic(), urls)
    if not urls:
        raise NoHealthyInstanceError(details={"service": name})
    return random.choice(urls)


def forget() -> None:
    """Forget what was found."""
    _Environment.found.clear()


def _healthy_urls(name: str, namespace: str) -> list[str]:
    try:
        answer = aws.servicediscovery().discover_instances(
            NamespaceName=namespace,
            ServiceName=name,
            # By default Cloud Map returns all instances when none is healthy; the emulator, unhealthy ones too.
            HealthStatus="HEALTHY",
        )
    except aws.failures() as error:
        logger.warning("discovery failed", action="discovery_failed", target=name, reason=type(error).__name__)
        return []
    urls = (instance.get("Attributes", {}).get("url") for instance in answer["Instances"])
    return [url for url in urls if url]
