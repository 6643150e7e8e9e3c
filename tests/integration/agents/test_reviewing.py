"""The review assistant: what it is shown of a card's candidates, and what it may recommend."""

import base64
import io
from typing import Any
from uuid import UUID, uuid4

import boto3
import pytest
from botocore.stub import Stubber
from PIL import Image

from callboard import aws
from callboard.agents import memories
from callboard.database import Database
from callboard.errors import ServiceUnavailableError
from callboard.settings import get_settings
from support.agents import make_agent
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


def picture(size: tuple[int, int] = (32, 24), form: str = "PNG", mode: str = "RGB") -> bytes:
    """Draw a picture."""
    drawn = io.BytesIO()
    Image.new(mode, size).save(drawn, form)
    return drawn.getvalue()


def add_candidate(db: Database, cloud: FakeCloud, board: Board, content: bytes | None, **fields: Any) -> UUID:
    """Add a candidate whose picture is stored, unless it is None; return its job."""
    key = f"outputs/{uuid4()}.png"
    if content is not None:
        boto3.client("s3").put_object(Bucket=cloud.assets_bucket, Key=key, Body=content)
    return insert_job(db, board.card_id, status="completed", result_url=key, **fields)


def shown(db: Database, cloud: FakeCloud, board: Board) -> list[dict[str, Any]]:
    """Let the card be reviewed; return what the model was shown beside the card's data."""
    agent = make_agent(db, cloud, board.project_id, says("None."))
    agent.start(assistant_id="review", input={"card_id": str(board.card_id)})
    assert agent.steps() == ["success"]
    assert isinstance(agent.state()["messages"][0].content, str)
    blocks: list[Any] = list(agent.model.asked[0][1].content)
    return blocks[1:]


def sizes(blocks: list[dict[str, Any]]) -> list[tuple[str, tuple[int, int]]]:
    """Return the type and the size of each picture that was shown."""
    pictures = [block for block in blocks if block["type"] == "image"]
    return [(block["mime_type"], Image.open(io.BytesIO(base64.b64decode(block["base64"]))).size) for block in pictures]


def test_the_review_assistant_looks_at_the_pictures_which_the_state_does_not_keep(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    job = add_candidate(db, cloud, board, picture())
    insert_job(db, board.card_id, status="completed", media_type="video/mp4")

    blocks = shown(db, cloud, board)

    assert [block["type"] for block in blocks] == ["text", "image"]
    assert str(job) in blocks[0]["text"]
    assert sizes(blocks) == [("image/png", (32, 24))]


def test_a_picture_that_is_larger_than_a_model_looks_at_is_made_smaller(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    add_candidate(db, cloud, board, picture((2 * memories.PICTURE_SIDE, memories.PICTURE_SIDE)))

    assert sizes(shown(db, cloud, board)) == [("image/jpeg", (memories.PICTURE_SIDE, memories.PICTURE_SIDE // 2))]


@pytest.mark.parametrize(("form", "mode"), [("PNG", "RGBA"), ("GIF", "P"), ("WEBP", "RGB"), ("JPEG", "CMYK")])
def test_pictures_of_each_kind_are_shown_whatever_their_service_calls_them(
    db: Database, cloud: FakeCloud, board: Board, form: str, mode: str
) -> None:
    add_candidate(db, cloud, board, picture(form=form, mode=mode), media_type="image/png")

    assert sizes(shown(db, cloud, board)) == [(f"image/{form.lower()}", (32, 24))]


@pytest.mark.parametrize("content", [None, b"", b"no picture", picture()[:40]], ids=["gone", "empty", "text", "cut"])
def test_a_picture_that_cannot_be_shown_is_named_and_the_review_goes_on(
    db: Database, cloud: FakeCloud, board: Board, content: bytes | None
) -> None:
    job = add_candidate(db, cloud, board, content)
    add_candidate(db, cloud, board, picture())

    blocks = shown(db, cloud, board)

    assert len(sizes(blocks)) == 1
    assert f"The picture of candidate {job} cannot be shown." in [block.get("text") for block in blocks]


def test_pictures_that_are_more_than_a_request_holds_are_left_out_the_oldest_first(
    db: Database, cloud: FakeCloud, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    oldest, newest = (add_candidate(db, cloud, board, picture()) for _ in range(2))
    monkeypatch.setattr(memories, "MAX_BYTES_IN_ALL", 100)

    texts = [block["text"] for block in shown(db, cloud, board) if block["type"] == "text"]

    assert texts == [f"The picture of candidate {newest}:", f"The picture of candidate {oldest} cannot be shown."]


def test_a_bucket_that_does_not_answer_leaves_the_step_to_be_repeated(
    db: Database, cloud: FakeCloud, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_candidate(db, cloud, board, picture())
    agent = make_agent(db, cloud, board.project_id, says("None."))
    agent.start(assistant_id="review", input={"card_id": str(board.card_id)})

    with monkeypatch.context() as patched, Stubber(aws.s3()) as stub:
        patched.setattr(aws, "s3", lambda: stub.client)
        stub.add_client_error("get_object", "SlowDown", http_status_code=503)
        with pytest.raises(ServiceUnavailableError):
            agent.step()

    assert agent.steps() == ["success"]


def test_a_model_that_takes_no_pictures_is_shown_none(
    db: Database, cloud: FakeCloud, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_SEES_PICTURES", "false")
    get_settings.cache_clear()
    add_candidate(db, cloud, board, picture())

    assert shown(db, cloud, board) == []


def test_the_review_assistant_can_recommend_no_job_of_another_card(
    db: Database, cloud: FakeCloud, board: Board
) -> None:
    other = insert_job(db, make_board(db).card_id, status="completed")
    recommend = ("recommend_candidate", {"job_id": str(other), "reason": "It is nice."})
    agent = make_agent(db, cloud, board.project_id, calls(recommend), says("None, then."))
    agent.start(assistant_id="review", input={"card_id": str(board.card_id)})

    agent.steps()

    assert agent.state()["recommendation"] is None
