"""What can be wrong with a request about projects."""

from callboard.errors import ConflictError, NotFoundError


class ProjectNotFoundError(NotFoundError):
    """Project not found."""

    code = "PROJECT_NOT_FOUND"


class ProjectHasLiveJobsError(ConflictError):
    """The project has jobs that have not ended: cancel them first."""

    code = "PROJECT_HAS_LIVE_JOBS"
