"""Making an ordered stream without gaps of updates that come at least once and in any order."""

from dataclasses import dataclass, field
from typing import Any

type Update = dict[str, Any]


@dataclass
class _Stream:
    """One context: what has been handed out, and what waits for an earlier one."""

    offset: int
    waiting: dict[int, Update] = field(default_factory=dict)

    def feed(self, update: Update) -> list[Update]:
        offset = update["offset"]
        if offset > self.offset:
            self.waiting.setdefault(offset, update)
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

        A context that was started before goes on where it was: a subscription renewed tells the log's end, which is
        ahead of what has arrived.
        """
        stream = self._streams.setdefault(context_id, _Stream(offset))
        ready: list[Update] = []
        for update in self._early.pop(context_id, []):
            ready += stream.feed(update)
        return ready

    def reset(self, context_id: str, offset: int) -> list[Update]:
        """Go on after an offset whatever was before, because the log does not reach back; return what can follow."""
        previous = self._streams.pop(context_id, None)
        ready = self.start(context_id, offset)
        for update in (previous.waiting if previous else {}).values():
            ready += self._streams[context_id].feed(update)
        return ready

    def feed(self, update: Update) -> list[Update]:
        """Take an update; return those that can be handed out now, in order."""
        context_id = update["context_id"]
        stream = self._streams.get(context_id)
        if stream is None:
            self._early.setdefault(context_id, []).append(update)
            return []
        return stream.feed(update)

    def offsets(self) -> dict[str, int]:
        """Return the last offset handed out of each context."""
        return {context_id: stream.offset for context_id, stream in self._streams.items()}

    def gaps(self) -> dict[str, int]:
        """Return the contexts that wait for something missing, with the offset after which it is missing."""
        return {context_id: stream.offset for context_id, stream in self._streams.items() if stream.waiting}

    def knows(self, context_id: str) -> bool:
        """Return whether a context was started."""
        return context_id in self._streams
