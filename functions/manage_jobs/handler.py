"""Reads, cancels and retries jobs, and says why one waits."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Header, Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from callboard.database import session
from callboard.events.models import JobStatus
from callboard.http import Api, json_response, responses
from callboard.jobs import service
from callboard.jobs.models import AcceptedJob, Explanation, JobFilter, JobView
from callboard.jobs.requests import IdempotencyKeyHeader, replay_headers
from callboard.pagination import DEFAULT_LIMIT, Limit, Page

api = Api()
READ_ANSWERS = responses(HTTPStatus.OK, HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND)
LIST_ANSWERS = responses(HTTPStatus.OK, HTTPStatus.UNAUTHORIZED, HTTPStatus.UNPROCESSABLE_ENTITY)
CANCEL_ANSWERS = READ_ANSWERS | responses(HTTPStatus.ACCEPTED)
RETRY_ANSWERS = CANCEL_ANSWERS | responses(HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)


@api.get("/api/jobs", summary="List jobs, newest first", tags=["Jobs"], responses=LIST_ANSWERS)
def list_jobs(
    card_id: Annotated[UUID | None, Query()] = None,
    project_id: Annotated[UUID | None, Query()] = None,
    status: Annotated[JobStatus | None, Query()] = None,
    limit: Annotated[Limit, Query()] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query()] = None,
) -> Page[JobView]:
    with session() as db:
        job_filter = JobFilter(card_id=card_id, project_id=project_id, status=status)
        page = service.list_jobs(db, api.caller, job_filter, cursor, limit)
    return Page(items=[service.view_of(job) for job in page.items], next_cursor=page.next_cursor)


@api.get("/api/jobs/<job_id>", summary="Read a job", tags=["Jobs"], responses=READ_ANSWERS)
def get_job(job_id: UUID) -> JobView:
    with session() as db:
        return service.view_of(service.get_job(db, api.caller, job_id))


@api.post("/api/jobs/<job_id>/cancel", summary="Cancel a job", tags=["Jobs"], responses=CANCEL_ANSWERS)
def cancel_job(job_id: UUID) -> Response[JobView]:
    with session() as db:
        cancellation = service.cancel_job(db, api.caller, job_id)
        service.follow_cancellation(db, cancellation)
    status = HTTPStatus.ACCEPTED if cancellation.asked else HTTPStatus.OK
    return json_response(status, service.view_of(cancellation.job))


@api.post("/api/jobs/<job_id>/retry", summary="Try an ended job again", tags=["Jobs"], responses=RETRY_ANSWERS)
def retry_job(
    job_id: UUID,
    idempotency_key: Annotated[IdempotencyKeyHeader, Header(alias="Idempotency-Key")] = None,
) -> Response[AcceptedJob]:
    with session() as db:
        job, replayed = service.retry_job(db, api.caller, job_id, idempotency_key=idempotency_key)
    if not replayed:
        service.wake([job.job_id])
    headers = {"Location": f"/api/jobs/{job.job_id}", **replay_headers(replayed)}
    return json_response(HTTPStatus.OK if replayed else HTTPStatus.ACCEPTED, job, headers)


@api.get("/api/jobs/<job_id>/explain", summary="Say what holds a job back", tags=["Jobs"], responses=READ_ANSWERS)
def explain_job(job_id: UUID) -> Explanation:
    with session() as db:
        return service.explain_job(db, api.caller, job_id)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer requests about existing jobs.

    Trigger: the HTTP API. Effect: a cancellation moves the job and asks check_job to stop it; a retry makes a new job.
    A raise leads to the gateway's 500; each change is one statement, so none is half made.
    """
    return api.serve(event, context)
