"""Generation jobs as tasks of the protocol: a task's id is its job's."""

import json
from typing import assert_never
from uuid import UUID

import mcp_types as types

from callboard.jobs import service as jobs
from callboard.jobs.models import Job
from callboard.mcp.errors import TaskNotFoundError
from callboard.mcp.tasks import CreatedTask, DetailedTask, Status

POLL_INTERVAL_MS = 2_000


def job_id_of(task_id: str) -> UUID:
    """Return the id of a task's job.

    Raises:
        TaskNotFoundError: No job has such an id.
    """
    try:
        job_id = UUID(task_id)
    except ValueError as error:
        raise TaskNotFoundError from error
    # Python reads more forms of an id than we hand out.
    if str(job_id) != task_id:
        raise TaskNotFoundError
    return job_id


def created_task(job: Job) -> CreatedTask:
    """Announce a job that was just accepted."""
    return CreatedTask.model_validate(_common(job))


def detailed_task(job: Job) -> DetailedTask:
    """Show a job: once it ended well or badly, with the result that its call would have had."""
    result = _result(job) if job.status in {"completed", "failed"} else None
    return DetailedTask.model_validate({**_common(job), "result": result})


def _common(job: Job) -> dict[str, object]:
    status = _status(job)
    return {
        "task_id": str(job.id),
        "status": status,
        "status_message": _message(job),
        "created_at": job.created_at,
        "last_updated_at": job.completed_at or job.started_at or job.created_at,
        "poll_interval_ms": POLL_INTERVAL_MS if status == "working" else None,
    }


def _status(job: Job) -> Status:
    match job.status:
        case "queued" | "processing":
            return "working"
        case "completed" | "failed":
            # In the protocol a call has failed if it had no result; that of a failed job is an error to read.
            return "completed"
        case "cancelled":
            return "cancelled"
    assert_never(job.status)


def _message(job: Job) -> str:
    if job.status == "failed":
        return f"failed: {job.error_message or job.error_code}"
    if job.status != "processing":
        return job.status
    if job.cancel_requested:
        return "processing, to be cancelled"
    return "processing" if job.progress is None else f"processing, {job.progress:.0%} done"


def _result(job: Job) -> dict[str, object]:
    content = jobs.view_of(job).model_dump(mode="json")
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    result = types.CallToolResult(
        content=[types.TextContent(text=text)], structured_content=content, is_error=job.status == "failed"
    )
    return result.model_dump(by_alias=True, mode="json", exclude_none=True, exclude={"result_type"})
