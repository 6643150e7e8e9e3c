"""What a service means by a failure, told from its text: services give nothing else."""

import re

from callboard.providers.models import ErrorCode

CONTENT_POLICY = re.compile(
    r"nsfw|content (polic|filter)|safety (filter|checker|system)|responsible ai|sensitive|flagged|moderation", re.I
)
INVALID_INPUT = re.compile(r"\binvalid\b|validation|must be|unsupported (value|input|type)|out of range", re.I)
MAX_MESSAGE = 1000


def classify(message: str) -> ErrorCode:
    """Tell a failure of the request from a failure of the service."""
    if CONTENT_POLICY.search(message):
        return "content_policy"
    if INVALID_INPUT.search(message):
        return "invalid_input"
    return "provider_unavailable"
