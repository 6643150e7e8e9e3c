"""What can be wrong with a request about cards."""

from callboard.errors import ConflictError, InvalidInputError


class CardHasLiveJobsError(ConflictError):
    """The card has jobs that have not ended: cancel them first."""

    code = "CARD_HAS_LIVE_JOBS"


class ActivityOfOtherProjectError(InvalidInputError):
    """A card can only move to another activity of its project."""

    code = "ACTIVITY_OF_OTHER_PROJECT"
