"""Measuring two sides against each other, and what comes of it."""

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# Makes ready what is to be measured, and returns what is.
type Side = Callable[[], Callable[[], object]]

WARM_UP = 3


@dataclass(frozen=True, slots=True)
class Spread:
    """Values of many rounds: the middle one, and those below which a tenth and nine tenths lie."""

    median: float
    p10: float
    p90: float


@dataclass(frozen=True, slots=True)
class Result:
    """One case: seconds of both sides, and the ratio of the two of each round.

    `goal` is what the median of the ratios is to be at most; None for what is only told.
    """

    case: str
    peer_name: str
    rounds: int
    ours: Spread
    peer: Spread
    ratio: Spread
    goal: float | None

    @property
    def is_met(self) -> bool:
        """Whether the goal is reached, if there is one."""
        return self.goal is None or self.ratio.median <= self.goal


def compare(case: str, peer_name: str, ours: Side, peer: Side, *, rounds: int, goal: float | None) -> Result:
    """Measure both sides in turn, so that whatever else the machine does meets both alike."""
    for _ in range(WARM_UP):
        _seconds(ours)
        _seconds(peer)
    # What was made so far stays: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    pairs: list[tuple[float, float]] = []
    for number in range(rounds):
        # Who comes second may find caches warm, so they take turns in that, too.
        if number % 2:
            theirs = _seconds(peer)
            pairs.append((_seconds(ours), theirs))
        else:
            pairs.append((_seconds(ours), _seconds(peer)))
    gc.unfreeze()
    return Result(
        case,
        peer_name,
        rounds,
        spread([one for one, _ in pairs]),
        spread([other for _, other in pairs]),
        spread([one / other for one, other in pairs]),
        goal,
    )


def spread(values: Sequence[float]) -> Spread:
    """Summarise values."""
    tenths = statistics.quantiles(values, n=10, method="inclusive")
    return Spread(statistics.median(values), tenths[0], tenths[-1])


def _seconds(side: Side) -> float:
    measured = side()
    began = time.perf_counter()
    measured()
    return time.perf_counter() - began
