"""The review assistant: what it is shown of a card's candidates, and what it may recommend."""

import base64
from typing import Any
from uuid import UUID

import boto3
import pytest

from callboard.database import Database
from callboard.settings import get_settings
from support.agents import Agent, make_agent
from support.aws import FakeCloud
from support.board import Board, make_board
from support.model import calls, says
from support.rows import insert_job


def test_the_review_assistant_recommends_a_candidate(db: Database, cloud: FakeCloud, board: Board) -> None:
    candidate = insert_job(db, board.card_id, status="completed", media_type="video/mp4")
    recommend = ("recommend_candidate", {"job_id": str(candidate), "reason": "It has a lamp."})
    agent = make_agent(db, cloud, board.project_id, calls(recommend))
    run = agent.start(assistant_id="review", input={"card_id": str(board.card_id)})

    assert agent.steps() == ["success"]
    assert agent.run(run.run_id).status == "success"
    assert agent.state()["recommendation"] == {
        "card_id": str(board.card_id),
        "job_id": str(candidate),
        "reason": "It has a lamp.",
    }
    assert str(candidate) in agent.model.asked[0][1].text


PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def review(db: Database, cloud: FakeCloud, board: Board) -> tuple[Agent, UUID]:
    """Return an agent that reviews a card with one picture and one clip, and the picture's job."""
    picture = insert_job(db, board.card_id, status="completed", result_url="outputs/lamp.png")
    insert_job(db, board.card_id, status="completed", media_type="video/mp4")
    boto3.client("s3").put_object(Bucket=cloud.assets_bucket, Key="outputs/lamp.png", Body=PNG)
    agent = make_agent(db, cloud, board.project_id, says("None."))
    agent.start(assistant_id="review", input={"card_id": str(board.card_id)})
    return agent, picture


def test_the_review_assistant_looks_at_the_pictures_which_the_state_does_not_keep(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    agent, picture = review(db, cloud, board)

    assert agent.steps() == ["success"]

    blocks: list[Any] = list(agent.model.asked[0][1].content)
    assert [block["type"] for block in blocks] == ["text", "text", "image"]
    assert str(picture) in blocks[1]["text"]
    assert base64.b64decode(blocks[2]["base64"]) == PNG
    assert isinstance(agent.state()["messages"][0].content, str)


def test_a_model_that_takes_no_pictures_is_shown_none(
    db: Database, cloud: FakeCloud, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_SEES_PICTURES", "false")
    get_settings.cache_clear()
    agent, _ = review(db, cloud, board)

    agent.steps()

    blocks: list[Any] = list(agent.model.asked[0][1].content)
    assert [block["type"] for block in blocks] == ["text"]


def test_the_review_assistant_can_recommend_no_job_of_another_card(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    other = insert_job(db, make_board(db).card_id, status="completed")
    recommend = ("recommend_candidate", {"job_id": str(other), "reason": "It is nice."})
    agent = make_agent(db, cloud, board.project_id, calls(recommend), says("None, then."))
    agent.start(assistant_id="review", input={"card_id": str(board.card_id)})

    agent.steps()

    assert agent.state()["recommendation"] is None
