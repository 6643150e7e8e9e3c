"""What callers do with projects."""

from uuid import UUID

from callboard.assets import service as assets
from callboard.database import Database
from callboard.events.models import Changed
from callboard.identity import Caller
from callboard.jobs import service as jobs
from callboard.observability import correlation_id
from callboard.pagination import Page, decode_cursor, page_of
from callboard.projects import repository
from callboard.projects.errors import ProjectHasLiveJobsError, ProjectNotFoundError
from callboard.projects.models import MEMORY_JOBS, NewProject, Project, ProjectChange, ProjectMemory


def create_project(db: Database, caller: Caller, request: NewProject) -> Changed[Project]:
    """Create a project."""
    return repository.create(
        db,
        caller.tenant,
        name=request.name,
        description=request.description,
        created_by=caller.user_id,
        correlation_id=correlation_id(),
    )


def get_project(db: Database, caller: Caller, project_id: UUID) -> Project:
    """Read a project.

    Raises:
        ProjectNotFoundError: It does not exist for the caller's tenant.
    """
    project = repository.get(db, caller.tenant, project_id)
    if project is None:
        raise ProjectNotFoundError
    return project


def list_projects(db: Database, caller: Caller, cursor: str | None, limit: int) -> Page[Project]:
    """Read a page of projects, newest first.

    Raises:
        InvalidCursorError: The cursor is not one of this list.
    """
    key = decode_cursor(cursor, UUID)
    rows = repository.list_projects(db, caller.tenant, key[0] if key else None, limit + 1)
    return page_of(rows, limit, lambda project: (str(project.id),))


def get_project_memory(db: Database, caller: Caller, project_id: UUID) -> ProjectMemory:
    """Read what is known of a project, in one round trip, with fresh URLs.

    Raises:
        ProjectNotFoundError: It does not exist for the caller's tenant.
    """
    memory = repository.memory(db, caller.tenant, project_id, MEMORY_JOBS)
    if memory is None:
        raise ProjectNotFoundError
    return ProjectMemory(
        project=memory.project,
        activities=memory.activities,
        approved_assets=[assets.view_of(asset) for asset in memory.assets],
        recent_jobs=[jobs.view_of(job) for job in memory.jobs],
    )


def update_project(db: Database, caller: Caller, project_id: UUID, request: ProjectChange) -> Changed[Project]:
    """Change what the request names.

    Raises:
        ProjectNotFoundError: It does not exist for the caller's tenant.
    """
    changed = repository.update(
        db,
        caller.tenant,
        project_id,
        name=request.name,
        description=request.description,
        correlation_id=correlation_id(),
    )
    if changed is None:
        raise ProjectNotFoundError
    return changed


def delete_project(db: Database, caller: Caller, project_id: UUID) -> Changed[None]:
    """Delete a project with its activities, cards, ended jobs and assets.

    Raises:
        ProjectNotFoundError: It does not exist for the caller's tenant.
        ProjectHasLiveJobsError: Jobs are queued or processing.
    """
    with db.transaction():
        if not repository.lock_for_deletion(db, caller.tenant, project_id):
            raise ProjectNotFoundError
        deleted = repository.delete(db, caller.tenant, project_id, correlation_id=correlation_id())
        if deleted.result:
            raise ProjectHasLiveJobsError(details={"live_jobs": deleted.result})
    return Changed(None, deleted.events)
