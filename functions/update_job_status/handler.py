"""Takes signed status reports and callbacks of cloud services."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import Field, JsonValue

from callboard.database import session
from callboard.http import Api, json_response, responses
from callboard.jobs import reports
from callboard.jobs.models import ReportReceipt, StatusReport
from callboard.observability import correlation_id

api = Api()
CALLBACK_ANSWERS = responses(
    HTTPStatus.ACCEPTED, HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND
) | responses(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY)
REPORT_ANSWERS = CALLBACK_ANSWERS | responses(HTTPStatus.CONFLICT)
type Attempt = Annotated[int, Field(ge=1, le=1_000_000)]


@api.post("/api/jobs/<job_id>/status", summary="Report a job's status", tags=["Services"], responses=REPORT_ANSWERS)
def report_status(
    job_id: UUID,
    report: Annotated[StatusReport, Body()],
    attempt: Annotated[Attempt | None, Query()] = None,
) -> Response[ReportReceipt]:
    with session() as db:
        receipt = reports.receive_report(
            db, job_id, attempt, report, body=api.raw_body, headers=api.current_event.headers
        )
    return json_response(HTTPStatus.ACCEPTED, receipt)


@api.post("/api/callbacks/<provider>", summary="Call back", tags=["Services"], responses=CALLBACK_ANSWERS)
def call_back(
    provider: str,
    prediction: Annotated[dict[str, JsonValue], Body()],
    job_id: Annotated[UUID, Query()],
    attempt: Annotated[Attempt, Query()],
) -> Response[ReportReceipt]:
    with session() as db:
        receipt = reports.receive_callback(
            db,
            provider,
            job_id,
            attempt,
            prediction,
            body=api.raw_body,
            headers=api.current_event.headers,
            correlation=correlation_id(),
        )
    return json_response(HTTPStatus.ACCEPTED, receipt)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take what services say; the signature over the raw body decides who may.

    Trigger: the HTTP API, without an authorizer. Effect: a report is written on the job's attempt, and check_job is
    asked to look now. A raise leads to the gateway's 500, upon which services send again.
    """
    return api.serve(event, context)
