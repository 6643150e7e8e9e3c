"""Briefs of many shapes become plans."""

import random
import re

import pytest

from callboard_local.demo.brief import default_brief, read_brief
from callboard_local.planner.briefs import plan
from callboard_local.planner.plans import MAX_CONTEXT, PlannedCard

# Words and signs that mean something to a plan, and some that mean nothing.
WORDS = [
    *re.findall(r"\S+", "a the boat storm and two three shots of pictures need show mood: keep 12 99 few plus in with"),
    *re.findall(r"\S+", ", ; : . ! ? - * 1. 2) # ## (2 candidates) \u2013 ' \" \u3002"),
    *("\n", "\n\n", "\t"),
]


def titles(brief: str) -> list[list[str]]:
    return [[card.title for card in activity.cards] for activity in plan(brief)]


def cards(brief: str) -> list[PlannedCard]:
    return [card for activity in plan(brief) for card in activity.cards]


def test_the_demo_s_brief_is_planned_as_it_is_written() -> None:
    written = read_brief(default_brief())

    planned = plan(default_brief().read_text())

    assert [activity.title for activity in planned] == [activity.title for activity in written.activities]
    assert [
        (card.title, card.prompt.partition("\n\n")[0], card.candidates) for each in planned for card in each.cards
    ] == [(card.title, card.prompt, card.candidates) for card in written.cards]
    description = " ".join(written.description.splitlines())
    assert all(card.prompt.endswith(description) for each in planned for card in each.cards)


def test_markdown_with_odd_lines_is_planned_all_the_same() -> None:
    brief = (
        "stray\n# T\n\n## A\n* **One** (9 candidates): a lamp\n  that shines\n1. no colon here, with details\n\n"
        "All blue.\n## B\nA boat sails. A storm comes.\n##\n## Empty\n## A\n- One: x\n- one: y\n"
    )

    planned = plan(brief)

    assert [(each.title, [card.title for card in each.cards]) for each in planned] == [
        ("A", ["One", "No colon here"]),
        ("B", ["Boat sails", "Storm comes"]),
        ("A 2", ["One", "one 2"]),
    ]
    assert planned[0].cards[0].prompt == "a lamp that shines\n\nstray All blue."
    assert planned[0].cards[0].candidates == 8


def test_markdown_bullets_without_an_activity_get_the_title_s() -> None:
    [activity] = plan("# The shop\n\nWarm.\n\n- Door: a green door\n- Bell: a brass bell")

    assert activity.title == "The shop"
    assert [card.prompt for card in activity.cards] == ["a green door\n\nWarm.", "a brass bell\n\nWarm."]


@pytest.mark.parametrize(
    "brief",
    ["A red fox in the snow at dawn.", "A boat and a storm", "cat", "A lonely lighthouse, wide shot, calm sea, stars"],
)
def test_a_short_sentence_is_one_card(brief: str) -> None:
    [card] = cards(brief)

    assert card.prompt == brief[:1].upper() + brief[1:]
    assert card.candidates == 2


@pytest.mark.parametrize(
    ("brief", "expected"),
    [
        ("We need three shots of bread, croissants and a smiling baker.", [["Bread", "Croissants", "Smiling baker"]]),
        ("Pictures for our bakery: bread, rolls, and a baker.", [["Bread", "Rolls", "Baker"]]),
        ("Two photos of an old tram", [["Old tram, wide view", "Old tram, close view"]]),
        (
            "Please make a hero banner, two product photos and a team portrait.",
            [["Hero banner", "Product photo, wide view", "Product photo, close view", "Team portrait"]],
        ),
        ("a boat; a storm; a lighthouse", [["Boat", "Storm", "Lighthouse"]]),
        ("- a boat\n- the storm: dark clouds\n\u2022 2 images of gulls", None),
        ("1. a boat\n2) a storm", [["Boat", "Storm"]]),
        (
            "A keeper tends his lamp. A boat is in danger. At dawn it returns.",
            [["Keeper tends his lamp", "Boat is in danger", "At dawn it returns"]],
        ),
        ("Launch\n\nA kettle sings.\n\nWinter\n\nSnow falls.", [["Kettle sings"], ["Snow falls"]]),
        ("\u9759\u304b\u306a\u6d77\u3002\u5d50\u3002", [["\u9759\u304b\u306a\u6d77", "\u5d50"]]),
    ],
)
def test_words_are_planned_by_their_shape(brief: str, expected: list[list[str]] | None) -> None:
    bullets = [["Boat", "Storm", "Gulls, wide view", "Gulls, close view"]]

    assert titles(brief) == (expected or bullets)


def test_paragraphs_become_activities_and_the_introduction_goes_into_all_prompts() -> None:
    brief = (
        "A campaign for a bicycle shop in spring. Mood: bright and friendly.\n\n"
        "First we see a girl on a bicycle. Then a mechanic repairs a wheel.\n\n"
        "Details:\n- close-up of a bell\n- the chain: golden light on a chain"
    )

    planned = plan(brief)

    assert [activity.title for activity in planned] == ["Girl on a bicycle", "Details"]
    assert planned[1].cards[1].prompt.startswith("golden light on a chain\n\n")
    assert all(
        "bicycle shop in spring" in card.prompt and "bright and friendly" in card.prompt for card in cards(brief)
    )


def test_mood_is_no_card_but_goes_into_every_prompt() -> None:
    planned = cards("A boat leaves the harbour. A storm comes. Mood: cold sea, warm lamp. Everything is painterly.")

    assert len(planned) == 2
    assert all("cold sea, warm lamp" in card.prompt and "painterly" in card.prompt for card in planned)


def test_words_only_about_the_mood_are_one_card() -> None:
    assert len(cards("Mood: calm and blue.")) == 1


def test_headings_head_their_paragraph() -> None:
    assert [activity.title for activity in plan("Launch\n\nA kettle sings.\n\nWinter\n\nSnow falls.")] == [
        "Launch",
        "Winter",
    ]


@pytest.mark.parametrize(
    "brief",
    [
        " ".join(f"Scene {number} has a cat." for number in range(40)),
        "\n\n".join(f"Paragraph {number} shows a dog. And a cat sleeps. It rains." for number in range(9)),
        "Show " + ", ".join(f"a thing number {number}" for number in range(50)),
        "Ninety words. 99 shots of a tree. 12 pictures of a house. 12 images of a road.",
    ],
)
def test_long_briefs_are_bounded(brief: str) -> None:
    planned = plan(brief)

    assert 1 <= len(planned) <= 5
    assert len(cards(brief)) == 20
    assert [card.candidates for card in cards(brief)] == [2] + [1] * 19
    for activity in planned:
        own = [card.title for card in activity.cards]
        assert len(set(own)) == len(own)


@pytest.mark.parametrize("brief", ["", "  \n", "!!!", "- \n##\n#\n...", "- :", "\u2013 \u2013"])
def test_no_words_are_no_plan(brief: str) -> None:
    assert plan(brief) == ()


@pytest.mark.parametrize(
    "brief",
    [
        "# T",
        "## A",
        "## A\n- ",
        ": a",
        "a:",
        "a: ;,;",
        "x" * 5000,
        "- " + "y " * 9000,
        "a\u2028b",
        "## " + "z" * 900 + "\n- " + "w" * 900 + ": p",
    ],
)
def test_odd_briefs_give_titles_and_prompts_that_fit(brief: str) -> None:
    planned = plan(brief)

    assert planned
    for activity in planned:
        assert 1 <= len(activity.title) <= 200
        assert all(1 <= len(card.title) <= 200 and 1 <= len(card.prompt) <= 5000 for card in activity.cards)


def test_a_long_description_is_cut() -> None:
    [card] = cards("# T\n" + "word " * 1000 + "\n## A\n- One: a lamp")

    assert len(card.prompt) <= len("a lamp\n\n") + MAX_CONTEXT


def test_same_brief_same_plan_and_another_brief_another_plan() -> None:
    briefs = [
        "A cat. A dog.",
        "A cat. A dog!",
        "A dog. A cat.",
        "Mood: red. A cat. A dog.",
        "A cat, a dog, a cow and us.",
    ]

    assert [plan(brief) for brief in briefs] == [plan(brief) for brief in briefs]
    assert len({plan(brief) for brief in briefs}) == len(briefs)


def test_no_mixture_of_words_and_signs_breaks_the_planning() -> None:
    for seed in range(1000):
        chance = random.Random(seed)
        brief = " ".join(chance.choice(WORDS) for _ in range(chance.randint(1, 60)))

        planned = plan(brief)

        assert len({activity.title for activity in planned}) == len(planned)
        for activity in planned:
            assert len({card.title for card in activity.cards}) == len(activity.cards) > 0
            assert all(card.title.strip() and card.prompt.strip() for card in activity.cards)


@pytest.mark.parametrize(
    "brief", ["- x" + " " * 30_000 + "(", "." * 50_000 + "x", "a, " * 20_000, "a and " * 20_000, "\n \n" * 20_000 + "x"]
)
@pytest.mark.timeout(5)
def test_no_brief_takes_long(brief: str) -> None:
    assert plan(brief)


def test_words_in_the_middle_that_could_begin_a_wish_are_kept() -> None:
    [activity] = plan("The signs at the door show a cat. People draw a map in room 3. It rains.")

    assert [card.prompt.partition("\n")[0] for card in activity.cards] == [
        "The signs at the door show a cat.",
        "People draw a map in room 3.",
        "It rains.",
    ]
