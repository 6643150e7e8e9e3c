"""What can be wrong with a request about activities."""

from callboard.errors import ConflictError, NotFoundError


class ActivityNotFoundError(NotFoundError):
    """Activity not found."""

    code = "ACTIVITY_NOT_FOUND"


class ActivityHasLiveJobsError(ConflictError):
    """The activity has jobs that have not ended: cancel them first."""

    code = "ACTIVITY_HAS_LIVE_JOBS"
