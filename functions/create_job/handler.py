"""POST /api/jobs and /api/jobs/batch: accept jobs."""

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Header
from aws_lambda_powertools.utilities.typing import LambdaContext

from callboard.database import session
from callboard.http import Api, json_response, responses
from callboard.jobs import service
from callboard.jobs.models import TERMINAL, AcceptedJob, AcceptedJobs, JobView, NewJob, NewJobs
from callboard.jobs.requests import IdempotencyKeyHeader, PreferHeader, replay_headers, wait_seconds

api = Api()
ANSWERS = responses(
    HTTPStatus.OK,
    HTTPStatus.ACCEPTED,
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)


@api.post("/api/jobs", summary="Create a job", tags=["Jobs"], responses=ANSWERS)
def create_job(
    request: Annotated[NewJob, Body()],
    idempotency_key: Annotated[IdempotencyKeyHeader, Header(alias="Idempotency-Key")] = None,
    prefer: Annotated[PreferHeader, Header(alias="Prefer")] = None,
) -> Response[AcceptedJob | JobView]:
    with session() as db:
        accepted, replayed = service.create_jobs(
            db, api.caller, [request], scope="POST /api/jobs", idempotency_key=idempotency_key
        )
        job = accepted[0]
        headers = {"Location": f"/api/jobs/{job.job_id}", **replay_headers(replayed)}
        if not replayed:
            service.wake([job.job_id])
        if wait := wait_seconds(prefer):
            ended = service.wait_for_end(db, api.caller, job.job_id, wait)
            if ended.status in TERMINAL:
                return json_response(HTTPStatus.OK, service.view_of(ended), headers)
    return json_response(HTTPStatus.OK if replayed else HTTPStatus.ACCEPTED, job, headers)


@api.post("/api/jobs/batch", summary="Create many jobs, all or none", tags=["Jobs"], responses=ANSWERS)
def create_jobs(
    request: Annotated[NewJobs, Body()],
    idempotency_key: Annotated[IdempotencyKeyHeader, Header(alias="Idempotency-Key")] = None,
) -> Response[AcceptedJobs]:
    with session() as db:
        accepted, replayed = service.create_jobs(
            db, api.caller, request.jobs, scope="POST /api/jobs/batch", idempotency_key=idempotency_key
        )
    if not replayed:
        service.wake([job.job_id for job in accepted])
    status = HTTPStatus.OK if replayed else HTTPStatus.ACCEPTED
    return json_response(status, AcceptedJobs(jobs=accepted), replay_headers(replayed))


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Accept jobs: each is stored as queued with its event, and wakes submit_job.

    Trigger: the HTTP API. A raise leads to the gateway's 500; what was stored before is accepted and will run.
    """
    return api.serve(event, context)
