"""Identifiers made by the application."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Make a UUIDv7: unique, and in index order of its making (RFC 9562, section 5.7)."""
    return uuid7()
