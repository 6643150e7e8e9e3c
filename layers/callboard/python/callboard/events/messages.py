"""Events as followers receive them: over WebSocket and from the updates routes."""

from typing import Any

from callboard import storage
from callboard.events.models import AssetApproved, Event, JobStatusUpdated, message_type


def message_of(event: Event) -> dict[str, Any]:
    """Return the message that carries an event, ready for JSON.

    Events name objects by key; a message carries a URL, made now and good for a quarter of an hour.
    """
    whole = event.model_dump(mode="json")
    data = whole["data"]
    if isinstance(event, JobStatusUpdated):
        data |= _url("result_url", event.data.result_key)
    elif isinstance(event, AssetApproved):
        data |= _url("url", event.data.result_key)
    return {
        "type": message_type(event.topic),
        "context_id": whole["context_id"],
        "offset": event.offset,
        "event_id": whole["event_id"],
        "topic": event.topic,
        "timestamp": whole["timestamp"],
        "project_id": whole["project_id"],
        "card_id": whole["card_id"],
        "correlation_id": event.correlation_id,
        "data": data,
    }


def _url(name: str, key: str | None) -> dict[str, str | None]:
    if key is None:
        return {name: None, f"{name}_expires_at": None}
    made = storage.presigned_url(key)
    return {name: made.url, f"{name}_expires_at": made.expires_at.isoformat()}
