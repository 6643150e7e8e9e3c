"""Where cards of a new activity end up."""

import pytest

from callboard.activities.service import positions_of
from callboard.cards.models import NewCard


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ([], []),
        ([None], [0]),
        ([7, None], [7, 8]),
        ([None, 0], [1, 0]),
        ([0, 1, 0], [1, 2, 0]),
        ([2, 2, None, 0], [3, 2, 4, 0]),
    ],
)
def test_positions_of_cards_are_those_of_one_creation_after_another(
    wanted: list[int | None], expected: list[int]
) -> None:
    assert positions_of([NewCard(title="Card", position=position) for position in wanted]) == expected


def test_positions_of_cards_are_never_shared() -> None:
    cards = [NewCard(title="Card", position=number % 7 if number % 3 else None) for number in range(100)]

    assert len(set(positions_of(cards))) == 100
