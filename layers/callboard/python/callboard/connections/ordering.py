"""Making an ordered stream without gaps of updates that come at least once and in any order."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

type Update = dict[str, Any]


@dataclass
class _Stream:
    """One context: what has been handed out, what is known to exist, and what waits for an earlier one."""

    offset: int
    latest: int
    waiting: dict[int, Update] = field(default_factory=dict)

    def feed(self, updates: Iterable[Update]) -> list[Update]:
        for update in updates:
            if update["offset"] > self.offset:
                self.waiting.setdefault(update["offset"], update)
                self.latest = max(self.latest, update["offset"])
        ready = []
        while self.offset + 1 in self.waiting:
            self.offset += 1
            ready.append(self.waiting.pop(self.offset))
        return ready


class StreamOrder:
    """Hands out each context's updates in the order of their offsets, each once.

    Updates of a context whose start is not known yet are kept until `start` tells it.
    """

    def __init__(self) -> None:
        self._streams: dict[str, _Stream] = {}
        self._early: dict[str, list[Update]] = {}

    def start(self, context_id: str, offset: int) -> list[Update]:
        """Say that everything up to an offset is known; return what can be handed out now.

        A context that was started before goes on where it was: what is between is missing.
        """
        stream = self._streams.setdefault(context_id, _Stream(offset, offset))
        stream.latest = max(stream.latest, offset)
        return stream.feed(self._early.pop(context_id, []))

    def reset(self, context_id: str, offset: int) -> list[Update]:
        """Go on after an offset whatever was before, because the log does not reach back; return what can follow."""
        previous = self._streams.pop(context_id, None)
        ready = self.start(context_id, offset)
        return ready + self._streams[context_id].feed(previous.waiting.values() if previous else ())

    def forget(self, context_id: str) -> None:
        """Drop a context with all that waits in it."""
        self._streams.pop(context_id, None)
        self._early.pop(context_id, None)

    def feed(self, update: Update) -> list[Update]:
        """Take an update; return those that can be handed out now, in order."""
        context_id = update["context_id"]
        stream = self._streams.get(context_id)
        if stream is None:
            self._early.setdefault(context_id, []).append(update)
            return []
        return stream.feed([update])

    def offset(self, context_id: str) -> int | None:
        """Return the last offset handed out of a context, None before its start."""
        stream = self._streams.get(context_id)
        return None if stream is None else stream.offset

    def gaps(self) -> dict[str, int]:
        """Return the contexts in which something is missing, with the offset after which it is missing."""
        return {
            context_id: stream.offset for context_id, stream in self._streams.items() if stream.latest > stream.offset
        }
