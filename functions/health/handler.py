"""GET /health: says whether what Callboard depends on answers."""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from callboard.health import service
from callboard.health.models import HealthReport
from callboard.http import Api, json_response, responses
from callboard.observability import logger

api = Api()


@api.get(
    "/health",
    summary="Check the dependencies",
    tags=["Health"],
    responses=responses(HTTPStatus.OK) | {503: {"description": "A dependency is unhealthy"}},
)
def check_health() -> Response[HealthReport]:
    report = service.check_all()
    status = HTTPStatus.OK if report.is_healthy else HTTPStatus.SERVICE_UNAVAILABLE
    return json_response(status, report, {"Cache-Control": "no-store"})


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Check all dependencies at once, five seconds at most.

    Trigger: the HTTP API, and a schedule, every minute. Effect: the scheduled run marks our instances in service
    discovery as healthy or unhealthy; a request changes nothing. A raise of a scheduled run is tried again by the
    scheduler; of a request, it leads to the gateway's 500.
    """
    if "requestContext" in event:
        return api.serve(event, context)
    report = service.check_all()
    service.mark_instances(report)
    logger.info("health marked", action="health_marked", status=report.status, checks=dict(report.checks))
    return report.model_dump(mode="json")
