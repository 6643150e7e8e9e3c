"""What can be wrong with a request about agents, and what can end a run."""

from callboard.errors import ConflictError, InvalidInputError, NotFinishedError, NotFoundError, ServiceError


class AssistantNotFoundError(NotFoundError):
    """Assistant not found."""

    code = "ASSISTANT_NOT_FOUND"


class ThreadNotFoundError(NotFoundError):
    """Thread not found."""

    code = "THREAD_NOT_FOUND"


class RunNotFoundError(NotFoundError):
    """Run not found."""

    code = "RUN_NOT_FOUND"


class CheckpointNotFoundError(NotFoundError):
    """The thread has no such checkpoint."""

    code = "CHECKPOINT_NOT_FOUND"


class ItemNotFoundError(NotFoundError):
    """The store has no such item."""

    code = "ITEM_NOT_FOUND"


class ThreadExistsError(ConflictError):
    """There is a thread of this id already."""

    code = "THREAD_EXISTS"


class ThreadBusyError(ConflictError):
    """The thread has a run that has not ended."""

    code = "THREAD_BUSY"


class ThreadNotInterruptedError(ConflictError):
    """Nobody was asked anything in this thread, so there is nothing to resume."""

    code = "THREAD_NOT_INTERRUPTED"


class RunActiveError(ConflictError):
    """The run has not ended: cancel it first."""

    code = "RUN_ACTIVE"


class ProjectRequiredError(InvalidInputError):
    """A run works on a project: name it as project_id in the thread's metadata."""

    code = "PROJECT_REQUIRED"


class NotOfferedError(InvalidInputError):
    """The request asks for something that is not offered here."""

    code = "NOT_OFFERED"


class InvalidResumeError(InvalidInputError):
    """The answer does not fit what was asked."""

    code = "INVALID_RESUME"


class RunNotFinishedError(NotFinishedError):
    """The run has not ended yet; ask again, or stream it."""

    code = "RUN_NOT_FINISHED"


class RunFailedError(ServiceError):
    """The run could not be carried on."""

    code = "RUN_FAILED"


class ModelFailedError(RunFailedError):
    """The model refused the request, or gave no usable answer."""

    code = "MODEL_FAILED"


class ModelMisbehavedError(RunFailedError):
    """The model asked for what cannot be done, again and again."""

    code = "MODEL_MISBEHAVED"


class TurnLimitError(RunFailedError):
    """The agent took too many turns without coming to an end."""

    code = "TURN_LIMIT"


class StepFailedError(RunFailedError):
    """A step of the agent did not come to its end, however often it was tried."""

    code = "STEP_FAILED"


class NothingToGoOnError(RunFailedError):
    """The thread has nothing that a run without an input could go on with."""

    code = "NOTHING_TO_GO_ON"


class StepSupersededError(ServiceError):
    """The run was cancelled, or a later step has taken it over; what this one does must have no effect."""

    code = "STEP_SUPERSEDED"


class TurnRefusedError(InvalidInputError):
    """Not carried out, because another call of the same turn is not valid; nothing was changed."""

    code = "TURN_REFUSED"


class InvalidWaitError(InvalidInputError):
    """These jobs cannot be waited for."""

    code = "INVALID_WAIT"
