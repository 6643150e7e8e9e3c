"""Lines `planner: ...` of a brief, by which a test makes the planner misbehave or changes its habits."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

LINE = re.compile(r"planner:\s*(?P<name>[a-z0-9-]+)(?:\s*=\s*(?P<value>.*))?", re.IGNORECASE)
MAX_CANDIDATES = 8
DEADLINE_SECONDS = 600

type Misbehaviour = Literal[
    "unknown-tool", "invalid-arguments", "endless", "silent", "error-500", "plan-then-loop", "none"
]
MISBEHAVIOURS: dict[str, Misbehaviour] = {
    "unknown-tool": "unknown-tool",
    "invalid-arguments": "invalid-arguments",
    "endless": "endless",
    "silent": "silent",
    "error-500": "error-500",
    "plan-then-loop": "plan-then-loop",
}


class DirectiveError(Exception):
    """There is no such directive, or not with such a value; the message says which."""


@dataclass(frozen=True, slots=True)
class Directives:
    """What the brief asks of the planner itself; durations are seconds."""

    misbehaviour: Misbehaviour = "none"
    slow: float = 0.0
    candidates: int | None = None
    wait: Literal["all", "any", "quorum"] = "all"
    quorum: int = 1
    deadline: float = DEADLINE_SECONDS
    ask: Literal["usual", "never", "always"] = "usual"
    simulate: dict[str, Any] | None = None


def read_directives(brief: str) -> tuple[Directives, str]:
    """Return the directives of a brief and the brief without them; `planner: Anna` is a line like any.

    Raises:
        DirectiveError: There is no directive of a name that is given a value, or the value makes no sense.
    """
    directives, rest = Directives(), []
    for line in brief.splitlines():
        found = LINE.fullmatch(line.strip())
        name = found["name"].lower() if found else ""
        if found and found["value"] is None and name in MISBEHAVIOURS:
            directives = replace(directives, misbehaviour=MISBEHAVIOURS[name])
        elif found and name in SETTINGS:
            value = (found["value"] or "").strip()
            try:
                directives = SETTINGS[name](directives, value)
            except ValueError as error:
                raise DirectiveError(f"The directive {name} cannot be {value!r}: {error}") from error
        elif found and found["value"] is not None:
            wrong = f"The directive {name} takes no value" if name in MISBEHAVIOURS else f"There is no directive {name}"
            raise DirectiveError(f"{wrong}; those with one are {', '.join(SETTINGS)}.")
        else:
            rest.append(line)
    return directives, "\n".join(rest).strip()


def _slow(directives: Directives, value: str) -> Directives:
    return replace(directives, slow=_seconds(value))


def _deadline(directives: Directives, value: str) -> Directives:
    return replace(directives, deadline=_seconds(value))


def _candidates(directives: Directives, value: str) -> Directives:
    if not value.isdecimal() or int(value) > MAX_CANDIDATES:
        raise ValueError(f"it is a number from 0 to {MAX_CANDIDATES}")
    return replace(directives, candidates=int(value))


def _wait(directives: Directives, value: str) -> Directives:
    mode, _, number = value.partition(":")
    match mode:
        case "all" | "any" if not number:
            return replace(directives, wait=mode)
        case "quorum" if number.isdecimal() and int(number):
            return replace(directives, wait=mode, quorum=int(number))
    raise ValueError("it is all, any or quorum:N")


def _ask(directives: Directives, value: str) -> Directives:
    match value:
        case "usual" | "never" | "always":
            return replace(directives, ask=value)
    raise ValueError("it is usual, never or always")


def _simulate(directives: Directives, value: str) -> Directives:
    try:
        simulate = json.loads(value, parse_constant=_refuse_constant)
    except ValueError:
        simulate = None
    if not isinstance(simulate, dict):
        raise ValueError("it is a JSON object")
    return replace(directives, simulate=simulate)


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86_400:
        raise ValueError("it is a number of seconds, at most a day")
    # Whole seconds are written as such: a tool may take integers only.
    return int(seconds) if seconds.is_integer() else seconds


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


SETTINGS: dict[str, Callable[[Directives, str], Directives]] = {
    "slow": _slow,
    "candidates": _candidates,
    "wait": _wait,
    "deadline": _deadline,
    "ask": _ask,
    "simulate": _simulate,
}
