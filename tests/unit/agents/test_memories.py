"""What an agent is shown of a project or a card, cut to what a model can read."""

from typing import Any

import pytest

from callboard.agents.memories import MAX_CHARACTERS, fitting, fitting_card
from callboard.agents.sizes import size_of


def project(activities: int, cards: int, params: int = 10) -> dict[str, Any]:
    """Return a digest of a project of this shape, with an approved asset and a job of each card."""
    ids = [[f"card-{a}-{c}" for c in range(cards)] for a in range(activities)]
    return {
        "project": {"id": "p", "name": "Lamps", "description": "x" * 10_000},
        "activities": [
            {
                "id": str(a),
                "title": "Dusk",
                "position": a,
                "cards": [
                    {"id": card, "title": "t" * 200, "status": "todo", "params": {"prompt": "x" * params}}
                    for card in of_one
                ],
            }
            for a, of_one in enumerate(ids)
        ],
        "approved_assets": [{"card_id": card, "job_id": "j"} for of_one in ids for card in of_one],
        "recent_jobs": [{"job_id": "j", "card_id": card} for of_one in ids for card in of_one][:50],
    }


def cards_of(digest: dict[str, Any]) -> list[dict[str, Any]]:
    return [card for activity in digest["activities"] for card in activity["cards"]]


def test_a_project_that_can_be_read_is_shown_whole() -> None:
    whole = project(3, 3)

    assert fitting(whole) == whole


@pytest.mark.parametrize(
    ("activities", "cards", "params"), [(3, 3, 60_000), (200, 3, 10), (1, 1000, 10), (40, 400, 1000), (1, 1, 60_000)]
)
def test_a_larger_one_is_cut_to_what_can_be_read_and_says_so(activities: int, cards: int, params: int) -> None:
    shown = fitting(project(activities, cards, params))

    assert size_of(shown) <= MAX_CHARACTERS
    assert "too large" in shown["note"]
    assert cards_of(shown)


def test_params_go_before_cards_do() -> None:
    shown = fitting(project(3, 3, 60_000))

    assert len(cards_of(shown)) == 9
    assert "params" not in cards_of(shown)[0]


def test_what_is_told_of_cards_goes_with_them() -> None:
    shown = fitting(project(1, 1000))

    kept = {card["id"] for card in cards_of(shown)}
    assert 0 < len(kept) < 1000
    assert {one["card_id"] for part in ("approved_assets", "recent_jobs") for one in shown[part]} <= kept


def test_a_card_that_can_be_read_is_shown_whole() -> None:
    card, candidates = {"params": {"prompt": "x"}}, [{"id": "1", "params": {"prompt": "y"}}]

    assert fitting_card(card, candidates) == (card, candidates)


def test_the_params_of_a_larger_one_are_cut_and_say_so() -> None:
    large = {"prompt": 'x"' * 30_000}

    card, candidates = fitting_card({"id": "c", "params": large}, [{"id": str(n), "params": large} for n in range(20)])

    assert size_of(card) + size_of(candidates) <= MAX_CHARACTERS
    assert card["params"]["beginning"].startswith('{"prompt":"x')
    assert [one["id"] for one in candidates] == [str(n) for n in range(20)]
    assert all("truncated" in one["params"] for one in candidates)
