"""What can be simulated, and that misspelling it is an error."""

from typing import Any

import pytest
from pydantic import ValidationError

from callboard_local.generator.generations import occurrence_key
from callboard_local.generator.simulation import ERRORS, PredictionSimulation, Simulation


@pytest.mark.parametrize(
    "values",
    [
        {"outcom": "fail"},
        {"callbacks": {"time": 2}},
        {"outcome": "explode"},
        {"http_status": 200},
        {"output": "redirect"},
        {"redirect_to": "http://127.0.0.1/"},
        {"accept": False},
        {"error": "broken"},
        {"duration": -1},
    ],
)
def test_simulation_that_makes_no_sense_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PredictionSimulation.model_validate(values)


@pytest.mark.parametrize("name", ["get_status", "get_times", "ignore_cancel", "cancel_to"])
def test_push_simulation_of_reads_and_cancels_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        Simulation.model_validate({name: 1})


def test_simulation_says_nothing_by_default() -> None:
    simulation = PredictionSimulation()

    assert not simulation.refuses_creation(1)
    assert not simulation.drops_answer(1)
    assert not simulation.refuses_read(1)
    assert simulation.failure(1) is None


def test_refuses_creation_the_first_times_only() -> None:
    simulation = Simulation(http_status=429, http_times=2)

    assert [simulation.refuses_creation(occurrence) for occurrence in (1, 2, 3)] == [True, True, False]


def test_drops_answer_without_a_count_always() -> None:
    assert [Simulation(drop_response=True).drops_answer(occurrence) for occurrence in (1, 9)] == [True, True]
    assert [Simulation(drop_response=True, drop_times=1).drops_answer(n) for n in (1, 2)] == [True, False]


def test_failure_the_first_times_only() -> None:
    simulation = Simulation(outcome="fail", outcome_times=1)

    assert [simulation.failure(occurrence) for occurrence in (1, 2)] == [ERRORS["fail"], None]


def test_failure_says_the_given_text() -> None:
    assert Simulation(outcome="refuse", error="No.").failure(1) == "No."


def test_occurrence_key_attempts_of_one_job_count_together() -> None:
    first, second, other = (
        occurrence_key(Simulation(), f"http://127.0.0.1/callbacks/x?job_id={job}&attempt={attempt}", "p")
        for job, attempt in (("a", 1), ("a", 2), ("b", 1))
    )

    assert first == second
    assert first != other


def test_occurrence_key_given_one_counts_whatever_the_url() -> None:
    simulation = Simulation(key="mine")

    assert occurrence_key(simulation, "http://127.0.0.1/a", "p") == occurrence_key(simulation, None, "q")


def test_occurrence_key_without_a_url_does_not_hold_the_prompt() -> None:
    assert "secret" not in occurrence_key(Simulation(), None, "secret words")
