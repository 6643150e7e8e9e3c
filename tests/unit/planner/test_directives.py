"""Directives of a brief."""

import pytest

from callboard_local.planner.directives import DirectiveError, Directives, read_directives


def test_directives_are_taken_out_of_the_brief() -> None:
    directives, rest = read_directives(
        'A cat.\n  planner: wait=quorum:3\nplanner: deadline=2\nPlanner: simulate={"duration": 0.2}\n'
        "planner: slow=0.5\nplanner: candidates=4\nplanner: ask=never\nplanner: plan-then-loop\nA dog."
    )

    assert rest == "A cat.\nA dog."
    assert directives == Directives(
        misbehaviour="plan-then-loop",
        slow=0.5,
        candidates=4,
        wait="quorum",
        quorum=3,
        deadline=2,
        ask="never",
        simulate={"duration": 0.2},
    )


@pytest.mark.parametrize(
    "line",
    [
        "slow=soon",
        "slow=-1",
        "slow=nan",
        "slow",
        "deadline=",
        "candidates=9",
        "candidates=x",
        "wait=some",
        "wait=any:2",
        "wait=quorum",
        "wait=quorum:0",
        "ask=me",
        "simulate=[]",
        "simulate={",
        'simulate={"duration": NaN}',
        "slw=2",
        "endless=1",
    ],
)
def test_a_value_that_makes_no_sense_is_an_error_that_names_the_directive(line: str) -> None:
    with pytest.raises(DirectiveError, match=line.partition("=")[0]):
        read_directives(f"A cat.\nplanner: {line}")


@pytest.mark.parametrize("line", ["planner: Anna", "the planner: endless", "planner: Anna (tbc)", "planner:"])
def test_other_lines_are_words_of_the_brief(line: str) -> None:
    assert read_directives(line) == (Directives(), line)
