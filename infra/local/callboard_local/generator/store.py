"""The service's memory: bounded, gone at the end."""

import time
from collections import OrderedDict
from dataclasses import dataclass

from callboard_local.generator.errors import SimulatedRefusalError
from callboard_local.generator.generations import Generation, Prediction

# Keys whose repetitions are counted.
KEPT_KEYS = 20_000


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which the API answers nothing but a refusal."""

    until: float
    status: int
    retry_after: int | None


class Store:
    """Generations by id, oldest first, and how often each key was seen."""

    def __init__(self, kept_generations: int) -> None:
        self._kept = kept_generations
        self._generations: OrderedDict[str, Generation] = OrderedDict()
        self._occurrences: OrderedDict[str, int] = OrderedDict()
        self._number = 0
        self._outage: Outage | None = None

    def next_number(self) -> int:
        """Return a number larger than all before."""
        self._number += 1
        return self._number

    def add(self, generation: Generation) -> None:
        """Remember a generation; the oldest ones that have ended are forgotten when there are too many."""
        self._generations[generation.id] = generation
        surplus = len(self._generations) - self._kept
        if surplus > 0:
            ended = [key for key, each in self._generations.items() if each.ended.is_set()]
            for key in ended[:surplus]:
                del self._generations[key]

    def find(self, generation_id: str) -> Generation | None:
        """Return a generation, or None when it is not known (any more)."""
        return self._generations.get(generation_id)

    def all(self) -> list[Generation]:
        """Return all generations, oldest first."""
        return list(self._generations.values())

    def predictions(self) -> list[Prediction]:
        """Return all predictions, oldest first."""
        return [each for each in self._generations.values() if isinstance(each, Prediction)]

    def count(self, key: str) -> int:
        """Count one more occurrence of a key and return how many there have been."""
        occurrence = self._occurrences.pop(key, 0) + 1
        self._occurrences[key] = occurrence
        while len(self._occurrences) > KEPT_KEYS:
            self._occurrences.popitem(last=False)
        return occurrence

    def occurrences(self, key: str) -> int:
        """Return how often a key was counted."""
        return self._occurrences.get(key, 0)

    def begin_outage(self, seconds: float, status: int, retry_after: int | None) -> None:
        """Refuse everything for a while."""
        self._outage = Outage(time.monotonic() + seconds, status, retry_after)

    def end_outage(self) -> None:
        """Serve again."""
        self._outage = None

    def require_service(self) -> None:
        """Do nothing but during an outage.

        Raises:
            SimulatedRefusalError: There is one.
        """
        if self._outage is not None and time.monotonic() < self._outage.until:
            raise SimulatedRefusalError(self._outage.status, self._outage.retry_after)

    def reset(self) -> None:
        """Forget everything."""
        self._generations.clear()
        self._occurrences.clear()
        self._outage = None
