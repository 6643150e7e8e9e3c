"""Asking all dependencies at once, and marking our instances in service discovery by the answer."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from functools import lru_cache

from callboard import aws
from callboard.database import session
from callboard.health import repository
from callboard.health.models import Condition, HealthReport
from callboard.observability import logger
from callboard.settings import OptionalSetting, get_settings

CHECK_SECONDS = 5.0

# The instances that template.yaml registers, each under the service whose id the setting holds.
INSTANCES: Mapping[str, OptionalSetting] = {
    "http-api": "job_queue_service_id",
    "agent-api": "agents_service_id",
    "mcp-server": "mcp_service_id",
    "websocket-api": "notifications_service_id",
}

type Check = Callable[[], object]


def check_database() -> None:
    """Ask the database."""
    with session() as db:
        repository.ping(db)


def check_message_broker() -> None:
    """Ask EventBridge for our bus."""
    aws.eventbridge().describe_event_bus(Name=get_settings().event_bus_name)


def check_connections() -> None:
    """Ask DynamoDB for the table of connections."""
    aws.dynamodb().describe_table(TableName=get_settings().connections_table)


CHECKS: Mapping[str, Check] = {
    "database": check_database,
    "message_broker": check_message_broker,
    "connections": check_connections,
}


@lru_cache(maxsize=16)
def _worker(name: str) -> ThreadPoolExecutor:
    # One thread a check, for good: a check that hangs keeps only itself waiting, and hung threads cannot pile up.
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"health-{name}")


def check_all(checks: Mapping[str, Check] = CHECKS, *, seconds: float = CHECK_SECONDS) -> HealthReport:
    """Run all checks at once; one that raises, or has not answered in time, is unhealthy.

    Why is in the log; the report says nothing of the inside.
    """
    running = {name: _worker(name).submit(check) for name, check in checks.items()}
    wait(running.values(), timeout=seconds)
    conditions: dict[str, Condition] = {}
    for name, future in running.items():
        reason = "timeout"
        if future.done():
            error = future.exception()
            reason = type(error).__name__ if error else ""
        else:
            future.cancel()
        if reason:
            logger.warning("dependency is unhealthy", action="health_check_failed", check=name, reason=reason)
        conditions[name] = "unhealthy" if reason else "healthy"
    return HealthReport(
        status="healthy" if "unhealthy" not in conditions.values() else "unhealthy",
        checks=conditions,
        timestamp=datetime.now(UTC),
    )


def mark_instances(report: HealthReport) -> None:
    """Write the report's status on our instances in Cloud Map, so that `discover` finds them or does not."""
    settings = get_settings()
    for instance, setting in INSTANCES.items():
        aws.servicediscovery().update_instance_custom_health_status(
            ServiceId=settings.require(setting),
            InstanceId=instance,
            Status="HEALTHY" if report.is_healthy else "UNHEALTHY",
        )
