"""What can go wrong with a cloud generation service, by what Callboard does about it."""

from typing import ClassVar

from callboard.providers.models import ErrorCode


class ProviderError(Exception):
    """A call to a service failed. The message is fit for the job's owner: it holds no secret and no address."""

    error_code: ClassVar[ErrorCode] = "provider_unavailable"


class InvalidParamsError(ProviderError):
    """The service does not take these params: the job fails."""

    error_code = "invalid_input"


class ContentRefusedError(ProviderError):
    """The service's content policy forbids this: the job fails."""

    error_code = "content_policy"


class SubmissionRejectedError(ProviderError):
    """The service refuses us, for example our token: the job fails."""

    error_code = "provider_rejected"


class ProviderFailedError(ProviderError):
    """The service failed and has not taken the attempt: another attempt may follow."""


class ProviderPausedError(ProviderError):
    """The service takes nothing for a while: it is left alone, and no attempt is burnt.

    Attributes:
        retry_after_seconds: What the service asked for, if it did.
    """

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class SubmissionUnknownError(ProviderError):
    """Nobody knows whether the service took the attempt: the answer was lost."""

    error_code = "submission_unknown"


class AttemptForgottenError(ProviderError):
    """The service does not know the attempt any more."""


class OutputUnavailableError(ProviderError):
    """The output could not be fetched.

    Attributes:
        permanent: Whether another try is pointless, as for a forbidden host or type.
    """

    error_code = "output_unavailable"

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent
