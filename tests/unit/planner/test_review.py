"""The review assistant."""

import json
from typing import Any

import pytest

from support.planner import REVIEW, asked, calls_of, failed

PARAMS = {"prompt": "a boat at night", "seed": 7}


def candidate(job_id: str, created_at: str = "2026-01-01T00:00:00Z", **params: Any) -> dict[str, Any]:
    return {
        "job_id": job_id,
        "params": PARAMS | params,
        "media_type": "image/png",
        "created_at": created_at,
        "approved": False,
    }


def opening(candidates: list[dict[str, Any]], brief: str = "") -> dict[str, Any]:
    card = {"id": "c-1", "title": "Boat", "params": PARAMS}
    text = (
        f"<card>\n{json.dumps(card)}\n</card>\n<candidates>\n{json.dumps(candidates)}\n</candidates>\n"
        f"<brief>\n{brief}\n</brief>"
    )
    return {"role": "user", "content": text}


def recommended(*candidates: dict[str, Any]) -> tuple[str, str]:
    [(name, arguments)] = calls_of(asked([opening(list(candidates))], REVIEW))
    assert name == "recommend_candidate"
    return arguments["job_id"], arguments["reason"]


@pytest.mark.parametrize("worse", [{"seed": 8}, {"prompt": "a boat at noon"}, {"prompt": 5}])
def test_the_best_match_is_recommended_with_the_rule_as_reason(worse: dict[str, Any]) -> None:
    job_id, reason = recommended(candidate("j-1", "2025-01-01T00:00:00Z", **worse), candidate("j-2"))

    assert job_id == "j-2"
    assert "match the card's best (100%)" in reason


def test_of_equal_matches_the_oldest_is_recommended() -> None:
    job_id, reason = recommended(candidate("j-1", "2026-01-02T00:00:00Z"), candidate("j-2", "2026-01-01T00:00:00Z"))

    assert job_id == "j-2"
    assert "oldest of 2" in reason


def test_the_only_candidate_is_recommended() -> None:
    assert recommended(candidate("j-1")) == ("j-1", "It is the only candidate.")


def test_without_candidates_it_says_so() -> None:
    message = asked([opening([], "Choose the calmest.")], REVIEW)

    assert message == {"role": "assistant", "content": "There are no candidates to choose from."}


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([{"ok": True}], "Recommended j-1: It is the only candidate."),
        ([failed("X", "No.")], "j-1 could not be recommended: No."),
        ([failed("X", "Try again.")] * 2, "j-1 could not be recommended: Try again."),
    ],
)
def test_after_its_recommendation_it_ends(results: list[dict[str, Any]], expected: str) -> None:
    messages = [opening([candidate("j-1")])]
    for result in results:
        message = asked(messages, REVIEW)
        call_id = message["tool_calls"][0]["id"]
        messages += [message, {"role": "tool", "tool_call_id": call_id, "content": json.dumps(result)}]

    assert asked(messages, REVIEW)["content"] == expected
