"""Errors: a message for people, a code for programs."""

from callboard.errors import NotFoundError, ServiceError, ServiceUnavailableError


class LanternMissingError(NotFoundError):
    """The lantern is missing.

    More is said to readers of the code only.
    """

    code = "LANTERN_MISSING"


def test_message_is_the_first_line_of_the_docstring() -> None:
    assert LanternMissingError().message == "The lantern is missing."


def test_message_may_be_given() -> None:
    error = LanternMissingError("No lantern in the tower.", details={"tower": "north"})

    assert str(error) == "No lantern in the tower."
    assert error.as_dict() == {
        "code": "LANTERN_MISSING",
        "message": "No lantern in the tower.",
        "details": {"tower": "north"},
    }


def test_details_are_the_errors_own() -> None:
    details = {"tower": "north"}
    error = LanternMissingError(details=details)

    details["tower"] = "south"

    assert error.details == {"tower": "north"}
    assert LanternMissingError().details == {}


def test_only_what_may_pass_by_itself_is_retryable() -> None:
    assert ServiceUnavailableError().retryable
    assert not ServiceError().retryable
    assert not LanternMissingError().retryable
