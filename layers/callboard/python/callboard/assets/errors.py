"""What can be wrong with a request about assets."""

from callboard.errors import ConflictError, NotFoundError


class AssetNotFoundError(NotFoundError):
    """Asset not found."""

    code = "ASSET_NOT_FOUND"


class JobNotCompletedError(ConflictError):
    """Only the output of a completed job can be approved."""

    code = "JOB_NOT_COMPLETED"


class NoApprovedPicturesError(ConflictError):
    """The project has no approved pictures."""

    code = "NO_APPROVED_PICTURES"
