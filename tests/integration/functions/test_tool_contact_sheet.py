"""tool_contact_sheet as a function: what of whom it draws, against a real PostgreSQL and a faked bucket."""

import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import boto3
import pytest
from PIL import Image
from pydantic import ValidationError

from callboard import database, pictures
from callboard.assets import service as assets
from callboard.database import Database
from callboard.errors import ServiceUnavailableError
from callboard.identity import Caller
from support.aws import FakeCloud
from support.lambdas import Context
from support.rows import insert_activity, insert_card, insert_job, insert_project
from tool_contact_sheet import making
from tool_contact_sheet.handler import lambda_handler

SAMPLE = Path(__file__).parents[3] / "infra" / "events" / "tool_contact_sheet.json"
ALICE = Caller(tenant="alice", user_id="user-alice", user_name="alice")
RED, GREEN, BLUE = (200, 30, 30), (30, 160, 60), (40, 60, 200)


def png(colour: tuple[int, int, int], size: tuple[int, int] = (1600, 900)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def approve(
    db: Database,
    cloud: FakeCloud,
    activity_id: UUID,
    content: bytes,
    *,
    position: int = 0,
    media_type: str = "image/png",
) -> None:
    card_id = insert_card(db, activity_id, title=f"Card {position}", position=position)
    job_id = insert_job(db, card_id, status="completed", media_type=media_type)
    boto3.client("s3").put_object(Bucket=cloud.assets_bucket, Key=f"outputs/test/{job_id}/1.png", Body=content)
    assets.approve_job(db, ALICE, card_id, job_id)


def call(project_id: Any, tenant: str = "alice") -> dict[str, Any]:
    return lambda_handler(
        {
            "tool": "contact_sheet",
            "arguments": {"project_id": str(project_id)},
            "tenant": tenant,
            "request_id": "request-1",
        },
        Context(),
    )


def sheets(cloud: FakeCloud) -> list[str]:
    found = boto3.client("s3").list_objects_v2(Bucket=cloud.assets_bucket, Prefix="sheets/")
    return [item["Key"] for item in found.get("Contents", [])]


def drawn(cloud: FakeCloud) -> Image.Image:
    (key,) = sheets(cloud)
    stored = boto3.client("s3").get_object(Bucket=cloud.assets_bucket, Key=key)
    assert stored["ContentType"] == "image/png"
    sheet = Image.open(io.BytesIO(stored["Body"].read()))
    assert sheet.format == "PNG"
    return sheet.convert("RGB")


def places(sheet: Image.Image, colour: tuple[int, int, int]) -> tuple[int, int]:
    """Return where a colour first appears, from top to bottom."""
    width = sheet.width
    index = list(sheet.get_flattened_data()).index(colour)
    return index // width, index % width


@pytest.fixture
def project_id(db: Database) -> UUID:
    return insert_project(db, name="Teaser")


class TestAccess:
    def test_the_tenant_of_the_call_decides_what_is_seen(
        self, db: Database, cloud: FakeCloud, project_id: UUID
    ) -> None:
        approve(db, cloud, insert_activity(db, project_id), png(RED))

        foreign, unknown = call(project_id, "bob"), call(uuid4())

        assert foreign == unknown
        assert foreign["error"]["code"] == "PROJECT_NOT_FOUND"
        assert sheets(cloud) == []

    @pytest.mark.usefixtures("cloud")
    @pytest.mark.parametrize("missing", ["tenant", "arguments", "tool", "request_id"])
    def test_a_call_that_lacks_something_fails(self, missing: str) -> None:
        event = json.loads(SAMPLE.read_text())
        del event[missing]

        with pytest.raises(ValidationError):
            lambda_handler(event, Context())

    @pytest.mark.usefixtures("cloud")
    def test_an_id_that_is_none_is_refused(self) -> None:
        assert call("no-id")["error"]["code"] == "INVALID_TOOL_ARGUMENTS"

    @pytest.mark.usefixtures("cloud")
    def test_the_sample_event_asks_for_a_project_that_is_not_there(self) -> None:
        answer = lambda_handler(json.loads(SAMPLE.read_text()), Context())

        assert answer["error"]["code"] == "PROJECT_NOT_FOUND"


class TestDrawing:
    def test_draws_the_approved_pictures_in_the_order_of_the_board(
        self, db: Database, cloud: FakeCloud, project_id: UUID
    ) -> None:
        later, first = insert_activity(db, project_id, position=1), insert_activity(db, project_id, position=0)
        approve(db, cloud, later, png(BLUE))
        approve(db, cloud, first, png(GREEN, (400, 900)), position=1)
        approve(db, cloud, first, png(RED), position=0)

        answer = call(project_id)

        assert (answer["pictures"], answer["left_out"]) == (3, 0)
        sheet = drawn(cloud)
        red, green, blue = (places(sheet, colour) for colour in (RED, GREEN, BLUE))
        assert red[0] == green[0] < blue[0]
        assert red[1] < green[1]

    def test_answers_a_url_of_the_sheet_alone(self, db: Database, cloud: FakeCloud, project_id: UUID) -> None:
        approve(db, cloud, insert_activity(db, project_id), png(RED))

        answer = call(project_id)

        assert answer.keys() == {"url", "url_expires_at", "pictures", "left_out"}
        assert urlsplit(answer["url"]).path.endswith(sheets(cloud)[0])
        assert sheets(cloud)[0].startswith(f"sheets/alice/{project_id}/")

    def test_the_same_pictures_are_the_same_object(self, db: Database, cloud: FakeCloud, project_id: UUID) -> None:
        approve(db, cloud, insert_activity(db, project_id), png(RED))

        call(project_id)
        call(project_id)

        assert len(sheets(cloud)) == 1

    def test_leaves_out_what_cannot_be_drawn_and_says_how_much(
        self, db: Database, cloud: FakeCloud, project_id: UUID, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(making, "MAX_PICTURE_BYTES", 50_000)
        monkeypatch.setattr(pictures, "MAX_PIXELS", 2_000_000)
        activity_id = insert_activity(db, project_id)
        broken, cut, large, vast = b"no picture", png(RED)[:200], b"a" * 50_001, png(RED, (2000, 1200))
        for position, content in enumerate((png(RED), broken, cut, large, vast)):
            approve(db, cloud, activity_id, content, position=position)
        approve(db, cloud, activity_id, b"a film", position=9, media_type="video/mp4")

        answer = call(project_id)

        assert (answer["pictures"], answer["left_out"]) == (1, 4)
        assert places(drawn(cloud), RED)

    def test_draws_the_first_of_many(
        self, db: Database, cloud: FakeCloud, project_id: UUID, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(making, "MAX_PICTURES", 2)
        activity_id = insert_activity(db, project_id)
        for position, colour in enumerate((RED, GREEN, BLUE)):
            approve(db, cloud, activity_id, png(colour), position=position)

        answer = call(project_id)

        assert (answer["pictures"], answer["left_out"]) == (2, 1)
        assert BLUE not in set(drawn(cloud).get_flattened_data())

    @pytest.mark.parametrize("content", [None, b"no picture"])
    def test_refuses_a_project_without_pictures(
        self, db: Database, cloud: FakeCloud, project_id: UUID, content: bytes | None
    ) -> None:
        if content is not None:
            approve(db, cloud, insert_activity(db, project_id), content)

        assert call(project_id)["error"]["code"] == "NO_APPROVED_PICTURES"
        assert sheets(cloud) == []


@pytest.mark.usefixtures("cloud")
def test_a_lost_database_is_a_failure_and_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "secret", lambda name: "postgresql://127.0.0.1:9/none")
    database.close()

    with pytest.raises(ServiceUnavailableError):
        call(uuid4())
