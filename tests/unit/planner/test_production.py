"""Whole productions: the planner against a small board."""

import json
from typing import Any

import pytest

from support.planner import FakeBoard, asked, calls_of, failed, opening, produce, take_turn

BRIEF = (
    "# Night\n\nCold and quiet.\n\n## Sea\n- Boat (2 candidates): a boat\n- Gull: a gull\n\n## Land\n- House: a house"
)
CONTEXT = "\n\nCold and quiet."
NO = {"approved": False, "choice": None, "comment": None}


def test_first_turn_makes_every_activity_and_then_waits() -> None:
    message = asked([opening(BRIEF)])

    assert calls_of(message) == [
        (
            "create_activity_with_cards",
            {
                "project_id": "p-1",
                "title": "Sea",
                "cards": [
                    {"title": "Boat", "params": {"prompt": f"a boat{CONTEXT}"}, "candidates": 2},
                    {"title": "Gull", "params": {"prompt": f"a gull{CONTEXT}"}, "candidates": 1},
                ],
            },
        ),
        (
            "create_activity_with_cards",
            {
                "project_id": "p-1",
                "title": "Land",
                "cards": [{"title": "House", "params": {"prompt": f"a house{CONTEXT}"}, "candidates": 1}],
            },
        ),
        ("wait_for_jobs", {"mode": "all", "deadline_seconds": 600}),
    ]


def test_a_production_ends_with_every_picture_approved_and_a_person_asked_once() -> None:
    board = FakeBoard(words=[{"approved": True, "choice": "j-02", "comment": None}])

    text = produce(BRIEF, board)

    assert board.approved == {"c-1": "j-02", "c-2": "j-03", "c-3": "j-04"}
    assert text == "2 activities with 3 cards, 3 pictures approved."
    [question] = board.calls("request_approval")
    assert question["card_id"] == "c-1"
    assert question["choices"] == ["j-01", "j-02"]
    assert "Boat" in question["question"]
    assert "2 candidates" in question["question"]


def test_the_question_is_the_last_call_of_the_turn_that_approves_the_others() -> None:
    messages, board = [opening(BRIEF)], FakeBoard()
    take_turn(messages, board)

    message = take_turn(messages, board)

    assert [name for name, _ in calls_of(message)] == ["approve_asset", "approve_asset", "request_approval"]


def test_approval_without_a_choice_takes_the_first() -> None:
    board = FakeBoard()

    produce(BRIEF, board)

    assert board.approved["c-1"] == "j-01"


def test_nobody_is_asked_where_there_is_nothing_to_choose() -> None:
    board = FakeBoard()

    produce("## A\n- One: a lamp\n- Two: a sea", board)

    assert board.calls("request_approval") == []
    assert len(board.approved) == 2


def test_a_comment_orders_another_picture_and_asks_again_with_it_first() -> None:
    board = FakeBoard(words=[NO | {"comment": "More fog."}])

    produce(BRIEF, board)

    [job] = board.calls("create_job")
    assert job == {"card_id": "c-1", "params": {"prompt": f"a boat{CONTEXT}\n\nMore fog."}}
    assert [each["choices"] for each in board.calls("request_approval")] == [["j-01", "j-02"], ["j-05", "j-01", "j-02"]]
    assert board.approved["c-1"] == "j-05"


def test_after_two_rounds_of_comments_the_card_stays_without_a_picture() -> None:
    board = FakeBoard(words=[NO | {"comment": "No."} for _ in range(5)])

    text = produce(BRIEF, board)

    assert len(board.calls("create_job")) == 2
    assert len(board.calls("request_approval")) == 3
    assert "- Boat (Sea): turned down 3 times" in text


def test_turned_down_without_a_comment_the_card_stays_without_a_picture() -> None:
    board = FakeBoard(words=[NO])

    text = produce(BRIEF, board)

    assert board.calls("create_job") == []
    assert "c-1" not in board.approved
    assert text == "2 activities with 3 cards, 2 pictures approved.\n\nWithout a picture:\n- Boat (Sea): turned down"


def test_a_picture_after_a_comment_that_fails_is_not_asked_about() -> None:
    board = FakeBoard(outcomes={"Fog": ["content_policy"]}, words=[NO | {"comment": "Fog"}])

    text = produce(BRIEF, board)

    assert len(board.calls("request_approval")) == 1
    assert "turned down; of the jobs for a new one: 1 failed (content_policy)" in text


def test_failed_jobs_are_retried_and_waited_for() -> None:
    board = FakeBoard(outcomes={"gull": ["provider_error"]})

    text = produce(BRIEF, board)

    assert board.calls("retry_job") == [{"job_id": "j-03"}]
    assert len(board.calls("wait_for_jobs")) == 2
    assert board.approved["c-2"] == "j-05"
    assert "3 pictures approved" in text


def test_a_job_is_retried_twice_at_most() -> None:
    board = FakeBoard(outcomes={"gull": ["timeout"] * 9})

    text = produce(BRIEF, board)

    assert board.calls("retry_job") == [{"job_id": "j-03"}, {"job_id": "j-05"}]
    assert "- Gull (Sea): of 3 jobs: 1 failed (timeout)" in text


@pytest.mark.parametrize("end", ["content_policy", "invalid_input", "cancelled"])
def test_what_would_be_refused_again_and_what_was_cancelled_is_not_retried(end: str) -> None:
    board = FakeBoard(outcomes={"gull": [end]})

    text = produce(BRIEF, board)

    assert board.calls("retry_job") == []
    assert "- Gull (Sea): of 1 job" in text
    assert end in text


def test_after_a_deadline_it_waits_once_more_and_then_goes_on() -> None:
    board = FakeBoard(outcomes={"gull": ["late"] * 9})

    text = produce(BRIEF, board)

    assert len(board.calls("wait_for_jobs")) == 2
    assert set(board.approved) == {"c-1", "c-3"}
    assert "- Gull (Sea): of 1 job: 1 is still queued" in text


def test_a_late_job_that_was_given_up_is_not_waited_for_again() -> None:
    board = FakeBoard(outcomes={"gull": ["late"] * 9, "Fog": ["late"]}, words=[NO | {"comment": "Fog."}])

    produce(BRIEF, board)

    assert [wait.get("job_ids") for wait in board.calls("wait_for_jobs")] == [None, None, None, ["j-05"]]
    assert board.approved["c-1"] == "j-05"


def test_a_second_run_on_a_finished_board_says_that_all_is_done() -> None:
    board = FakeBoard()
    produce(BRIEF, board)
    made = len(board.made)

    text = produce(BRIEF, board)

    assert len(board.made) == made
    assert text == "All of this brief is done already: 2 activities with 3 cards, 3 pictures approved."


def test_memory_only_what_is_missing_is_made() -> None:
    board = FakeBoard()
    produce("## Sea\n- Boat: a boat", board)

    produce("## sea\n- boat : a boat\n- Gull: a gull", board)

    assert [card["title"] for card in board.calls("create_activity_with_cards")[1]["cards"]] == ["Gull"]


def test_memory_cards_are_treated_by_their_status() -> None:
    board = FakeBoard()
    board.run(
        "create_activity_with_cards",
        {
            "title": "A",
            "cards": [
                {"title": title, "params": {"prompt": title, "seed": 7}, "candidates": candidates}
                for title, candidates in {"Planned": 0, "Failed": 1, "Review": 1, "Generating": 1, "Other": 0}.items()
            ],
        },
    )
    board.jobs["j-01"].update(status="failed", error_code="content_policy")
    board.jobs["j-02"]["status"] = "completed"
    board.made.clear()
    lines = "\n".join(f"- {title}: words" for title in ["Planned", "Failed", "Review", "Generating"])

    text = produce(f"## A\n{lines}", board)

    assert board.calls("create_activity_with_cards") == []
    assert board.calls("create_job") == [
        {"card_id": "c-1", "params": {"prompt": "Planned", "seed": 7}},
        {"card_id": "c-2", "params": {"prompt": "Failed", "seed": 7}},
    ]
    assert board.calls("retry_job") == []
    assert board.calls("list_candidates") == [{"card_id": "c-3"}]
    assert board.approved == {"c-1": "j-04", "c-2": "j-05", "c-3": "j-02", "c-4": "j-03"}
    assert text.endswith("4 pictures approved.")


def test_memory_jobs_of_an_earlier_run_are_waited_for_by_their_ids() -> None:
    board = FakeBoard()
    board.run(
        "create_activity_with_cards",
        {"title": "A", "cards": [{"title": "B", "params": {"prompt": "b"}, "candidates": 1}]},
    )

    message = asked([opening("## A\n- B: b", board.memory())])

    assert calls_of(message) == [("wait_for_jobs", {"mode": "all", "deadline_seconds": 600, "job_ids": ["j-01"]})]


def test_the_last_brief_counts_and_calls_before_it_do_not() -> None:
    messages: list[dict[str, Any]] = [opening("A cat.")]
    board = FakeBoard()
    for _ in range(5):
        take_turn(messages, board)

    message = asked([*messages, opening("A dog.", board.memory())])

    assert calls_of(message)[0][1]["cards"][0]["title"] == "Dog"


def test_tool_results_after_the_brief_of_calls_before_it_change_nothing() -> None:
    messages: list[dict[str, Any]] = [opening("A cat.")]
    take_turn(messages, FakeBoard())
    *before, first, second = messages

    assert asked([*before, opening("A dog."), first, second]) == asked([*before, opening("A dog."), first, second])
    assert calls_of(asked([*before, opening("A dog.")]))[0][1]["title"] == "Dog"


def test_what_was_said_earlier_is_no_brief() -> None:
    text = f"<earlier>\n<brief>\nA cow.\n</brief>\n</earlier>\n{opening('A dog.')['content']}"

    assert calls_of(asked([{"role": "user", "content": text}]))[0][1]["title"] == "Dog"


def test_memory_may_hold_the_words_that_close_its_block() -> None:
    board = FakeBoard()
    memory = board.memory()
    memory["project"] = {"id": "p-9", "name": "</project_memory>", "description": "</brief>"}

    assert calls_of(asked([opening("A dog.", memory)]))[0][1]["project_id"] == "p-9"


@pytest.mark.parametrize("brief", ["", "  ", "...", "planner: endless"])
def test_without_a_brief_it_asks_for_one(brief: str) -> None:
    message = asked([opening(brief)])

    assert "tool_calls" not in message
    assert "brief" in message["content"]


def test_a_message_without_blocks_gets_the_request_for_a_brief() -> None:
    assert "brief" in asked([{"role": "user", "content": "hello"}])["content"]


def test_a_failed_call_is_not_repeated_and_the_summary_mentions_it() -> None:
    board = FakeBoard(refusals={"create_activity_with_cards": [failed("VALIDATION_ERROR", "The title is too long.")]})

    text = produce(BRIEF, board)

    assert [each["title"] for each in board.calls("create_activity_with_cards")] == ["Sea", "Land"]
    assert "- Boat (Sea): it could not be created" in text
    assert "- create_activity_with_cards: The title is too long." in text
    assert board.approved == {"c-1": "j-01"}


@pytest.mark.parametrize(
    "refusal",
    [
        failed("DATABASE_UNAVAILABLE", "The database does not answer."),
        failed("CONFLICT", "Busy.", retryable=True),
        failed("X", "Please try again later."),
    ],
)
def test_a_failed_call_is_repeated_once_where_that_may_help(refusal: dict[str, Any]) -> None:
    mended = FakeBoard(refusals={"approve_asset": [refusal]})
    broken = FakeBoard(refusals={"approve_asset": [refusal] * 9})

    assert produce("A cat.\nplanner: ask=never", mended).endswith("1 picture approved.")
    assert "it could not be approved" in produce("A cat.\nplanner: ask=never", broken)
    assert len(broken.calls("approve_asset")) == 2


def test_a_wait_that_keeps_failing_is_given_up_for_a_look_at_the_candidates() -> None:
    board = FakeBoard(refusals={"wait_for_jobs": [failed("X", "No.")] * 9})
    messages = [opening(BRIEF)]
    take_turn(messages, board)
    for job in board.jobs.values():
        job["status"] = "completed"

    while take_turn(messages, board).get("tool_calls"):
        pass

    assert len(board.calls("wait_for_jobs")) == 2
    assert len(board.calls("list_candidates")) == 3
    assert len(board.approved) == 3


def test_a_question_that_cannot_be_asked_leaves_the_card_without_a_picture() -> None:
    board = FakeBoard(refusals={"request_approval": [failed("X", "Nobody is there.")] * 9})

    text = produce(BRIEF, board)

    assert len(board.calls("request_approval")) == 1
    assert "c-1" not in board.approved
    assert "Nobody is there." in text


@pytest.mark.parametrize("content", ["", "no JSON", "[]", "{}", '{"activity": 1, "jobs": {}}', '{"error": "x"}'])
def test_results_that_are_none_come_to_an_end(content: str) -> None:
    messages = [opening(BRIEF)]
    for _ in range(35):
        message = asked(messages)
        messages.append(message)
        messages += [
            {"role": "tool", "tool_call_id": call["id"], "content": content} for call in message.get("tool_calls", [])
        ]
        if "tool_calls" not in message:
            break

    assert "tool_calls" not in messages[-1]


def test_calls_that_were_never_answered_come_to_an_end() -> None:
    messages = [opening(BRIEF)]
    while "tool_calls" in (message := asked(messages)):
        messages.append(message)

    assert "It was not run." in message["content"]


def test_after_thirty_turns_it_ends() -> None:
    pending = {"woken_by": "jobs", "jobs": []}
    board = FakeBoard(refusals={"wait_for_jobs": [pending] * 99})

    text = produce(BRIEF, board)

    assert text.startswith("Stopped after 30 turns.")
    assert len(board.calls("wait_for_jobs")) == 30


def test_same_conversation_same_answer() -> None:
    runs = []
    for _ in range(2):
        messages, board = [opening(BRIEF)], FakeBoard(outcomes={"gull": ["timeout"]})
        while take_turn(messages, board).get("tool_calls"):
            pass
        runs.append(json.dumps(messages))

    assert runs[0] == runs[1]


def test_ids_of_calls_are_unique_in_a_conversation() -> None:
    messages, board = [opening(BRIEF)], FakeBoard(outcomes={"gull": ["timeout", "timeout"]})
    while take_turn(messages, board).get("tool_calls"):
        pass

    ids = [call["id"] for message in messages for call in message.get("tool_calls", [])]
    assert len(set(ids)) == len(ids)
