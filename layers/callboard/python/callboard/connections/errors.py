"""What can be wrong with a connection or a message on it."""

from callboard.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    PayloadTooLargeError,
    ServiceUnavailableError,
    UnauthenticatedError,
)


class TicketRefusedError(UnauthenticatedError):
    """The ticket is unknown, used or expired; ask for another one."""

    code = "TICKET_REFUSED"


class TooManyConnectionsError(ConflictError):
    """The user has as many connections as one may have."""

    code = "TOO_MANY_CONNECTIONS"


class ContextNotFoundError(NotFoundError):
    """There is no card or project with this id."""

    code = "CONTEXT_NOT_FOUND"


class ConnectionUnknownError(NotFoundError):
    """The connection is not known any more; open another one."""

    code = "CONNECTION_UNKNOWN"


class ConnectionsUnavailableError(ServiceUnavailableError):
    """The table of connections does not answer."""

    code = "CONNECTIONS_UNAVAILABLE"


class InvalidMessageError(InvalidInputError):
    """The message is not one of those that are understood here."""

    code = "INVALID_MESSAGE"


class MessageTooLargeError(PayloadTooLargeError):
    """The message is larger than 32 KB."""

    code = "MESSAGE_TOO_LARGE"


class TooManySubscriptionsError(ConflictError):
    """The connection follows as much as one may follow."""

    code = "TOO_MANY_SUBSCRIPTIONS"
