"""What can be wrong with a request about jobs."""

from callboard.errors import ConflictError, InvalidInputError, NotFoundError


class JobNotFoundError(NotFoundError):
    """Job not found."""

    code = "JOB_NOT_FOUND"


class CardNotFoundError(NotFoundError):
    """Card not found."""

    code = "CARD_NOT_FOUND"


class ProviderNotFoundError(NotFoundError):
    """Provider not found."""

    code = "PROVIDER_NOT_FOUND"


class UnknownProviderError(InvalidInputError):
    """There is no such provider."""

    code = "UNKNOWN_PROVIDER"


class WebhooksNotOfferedError(InvalidInputError):
    """callback_url is not offered yet: follow the job over WebSocket or by reading it."""

    code = "CALLBACK_URL_NOT_OFFERED"


class IdempotencyKeyReusedError(InvalidInputError):
    """This Idempotency-Key came with another request before."""

    code = "IDEMPOTENCY_KEY_REUSED"


class JobStateConflictError(ConflictError):
    """The job's state does not allow this."""

    code = "JOB_STATE_CONFLICT"


class StaleAttemptError(ConflictError):
    """This attempt of the job is over; another one counts."""

    code = "STALE_ATTEMPT"
