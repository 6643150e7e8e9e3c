"""The built-in tools, against a real PostgreSQL."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from callboard.activities.errors import ActivityNotFoundError
from callboard.assets.errors import JobNotCompletedError
from callboard.assets.models import ApprovedAsset
from callboard.cards.errors import ActivityOfOtherProjectError
from callboard.cards.models import Candidate, Card
from callboard.database import Database, json_parameter
from callboard.errors import ServiceError
from callboard.identity import Caller
from callboard.jobs.errors import CardNotFoundError, JobNotFoundError, JobStateConflictError, UnknownProviderError
from callboard.jobs.models import AcceptedJob, JobView
from callboard.mcp import registry
from callboard.mcp.errors import InvalidToolArgumentsError, UnknownToolError
from callboard.mcp.models import CreatedActivity, CreatedJob
from callboard.mcp.registry import ToolContext, ToolResult
from callboard.pagination import InvalidCursorError, Page
from callboard.projects.errors import ProjectNotFoundError
from callboard.projects.models import ProjectMemory
from callboard.settings import get_settings
from support.aws import FakeCloud
from support.board import Board, make_board, one
from support.rows import insert_activity, insert_attempt, insert_board, insert_card, insert_job, insert_provider
from support.statements import counted

pytestmark = pytest.mark.usefixtures("cloud")
ALICE = ToolContext(Caller(tenant="alice", user_id="user-alice", user_name="alice"), thread_id="thread-1")
BOB = ToolContext(Caller(tenant="bob", user_id="user-bob", user_name="bob"))


@pytest.fixture
def board(db: Database) -> Board:
    insert_provider(db)
    return make_board(db)


def call(db: Database, name: str, context: ToolContext = ALICE, **arguments: Any) -> ToolResult:
    given = {key: str(value) if isinstance(value, UUID) else value for key, value in arguments.items()}
    return registry.call(db, context, name, given)


def content[Content](kind: type[Content], result: ToolResult) -> Content:
    assert isinstance(result.content, kind)
    return result.content


def rows(db: Database) -> dict[str, int]:
    tables = ("activities", "task_cards", "generation_jobs", "approved_assets", "events")
    return {table: one(db, f"SELECT count(*) AS n FROM {table}")["n"] for table in tables}


def topics(result: ToolResult) -> list[str]:
    return [event.topic for event in result.events]


class TestGetProjectMemory:
    def test_tells_what_the_board_holds_in_one_statement(self, db: Database, board: Board) -> None:
        job_id = insert_job(db, board.card_id)

        with counted() as statements:
            memory = content(ProjectMemory, call(db, "get_project_memory", project_id=board.project_id))

        assert len(statements) == 1, statements
        assert [[card.id for card in activity.cards] for activity in memory.activities] == [[board.card_id]]
        assert [job.job_id for job in memory.recent_jobs] == [job_id]

    @pytest.mark.parametrize("context", [ALICE, BOB])
    def test_does_not_find_what_is_not_the_callers(self, db: Database, board: Board, context: ToolContext) -> None:
        project_id = board.project_id if context is BOB else uuid4()

        with pytest.raises(ProjectNotFoundError):
            call(db, "get_project_memory", context, project_id=project_id)


class TestCreateActivityWithCards:
    def test_makes_the_activity_its_cards_and_their_jobs(self, db: Database, board: Board) -> None:
        result = call(
            db,
            "create_activity_with_cards",
            project_id=board.project_id,
            title="Night",
            cards=[
                {"title": "Storm", "params": {"prompt": "A storm", "seed": 40}, "candidates": 2},
                {"title": "Calm", "params": {"prompt": "A calm"}},
                {"title": "Dawn", "params": {"prompt": "A dawn"}, "candidates": 3},
            ],
        )

        made = content(CreatedActivity, result)
        assert (made.activity.title, made.activity.project_id) == ("Night", board.project_id)
        assert [(card.title, card.status) for card in made.activity.cards] == [
            ("Storm", "generating"),
            ("Calm", "planned"),
            ("Dawn", "generating"),
        ]
        assert topics(result) == ["activity.created", *["card.created"] * 3]
        assert result.accepted_jobs == [job.job_id for job in made.jobs]
        jobs = {job.job_id: one(db, "SELECT * FROM generation_jobs WHERE id = %s", job.job_id) for job in made.jobs}
        assert [jobs[job.job_id]["params"] for job in made.jobs] == [
            {"prompt": "A storm", "seed": 40},
            {"prompt": "A storm", "seed": 41},
            {"prompt": "A dawn", "seed": 0},
            {"prompt": "A dawn", "seed": 1},
            {"prompt": "A dawn", "seed": 2},
        ]
        assert [job.card_id for job in made.jobs] == [jobs[job.job_id]["card_id"] for job in made.jobs]
        assert {(job["status"], job["thread_id"]) for job in jobs.values()} == {("queued", "thread-1")}
        storm, _, dawn = made.activity.cards
        assert [job.card_id for job in made.jobs] == [storm.id] * 2 + [dawn.id] * 3
        assert storm.offset == 3

    def test_gives_the_jobs_to_the_cards_that_asked_for_them_wherever_those_are(
        self, db: Database, board: Board
    ) -> None:
        cards = [
            {"title": "Second", "params": {"prompt": "second"}, "position": 0, "candidates": 1},
            {"title": "First", "params": {"prompt": "first"}, "position": 0, "candidates": 1},
            {"title": "Third", "params": {"prompt": "third"}, "candidates": 1},
        ]

        made = content(
            CreatedActivity,
            call(db, "create_activity_with_cards", project_id=board.project_id, title="Night", cards=cards),
        )

        titles = {card.id: card.title for card in made.activity.cards}
        assert list(titles.values()) == ["First", "Second", "Third"]
        assert [titles[job.card_id] for job in made.jobs] == ["Second", "First", "Third"]
        for job in made.jobs:
            params = one(db, "SELECT params FROM generation_jobs WHERE id = %s", job.job_id)["params"]
            assert params["prompt"] == titles[job.card_id].lower()

    def test_without_candidates_makes_no_jobs(self, db: Database, board: Board) -> None:
        result = call(
            db, "create_activity_with_cards", project_id=board.project_id, title="Night", position=0, cards=[]
        )

        made = content(CreatedActivity, result)
        assert (made.activity.cards, made.activity.position, made.jobs, result.accepted_jobs) == ([], 0, [], ())
        assert rows(db)["generation_jobs"] == 0

    def test_costs_as_many_statements_for_many_cards_as_for_one(self, db: Database, board: Board) -> None:
        costs = []
        for number in (1, 50):
            cards = [{"title": "Storm", "candidates": 2}] * number
            with counted() as statements:
                call(db, "create_activity_with_cards", project_id=board.project_id, title="Night", cards=cards)
            costs.append(len(statements))

        assert costs == [4, 4]

    @pytest.mark.parametrize(
        "bad",
        [
            {"title": ""},
            {"title": "Storm", "candidates": 9},
            {"title": "Storm", "params": {"prompt": "nul\x00"}},
            {"title": "Storm", "status": "approved"},
            {"title": "Storm", "position": -1},
            "Storm",
        ],
    )
    def test_makes_nothing_when_one_card_of_many_is_bad(self, db: Database, board: Board, bad: Any) -> None:
        before = rows(db)
        cards = [{"title": "Calm", "candidates": 1}] * 9 + [bad]

        with pytest.raises(InvalidToolArgumentsError) as caught:
            call(db, "create_activity_with_cards", project_id=board.project_id, title="Night", cards=cards)

        (fault,) = caught.value.details["fields"]
        assert fault["field"].startswith("cards.9")
        assert rows(db) == before

    def test_makes_nothing_when_its_jobs_are_refused(self, db: Database, board: Board) -> None:
        db.execute("UPDATE providers SET enabled = false")
        before = rows(db)

        with pytest.raises(UnknownProviderError):
            call(
                db,
                "create_activity_with_cards",
                project_id=board.project_id,
                title="Night",
                cards=[{"title": "Calm", "candidates": 1}],
            )

        assert rows(db) == before

    @pytest.mark.parametrize("context", [ALICE, BOB])
    def test_makes_nothing_in_a_project_that_is_not_the_callers(
        self, db: Database, board: Board, context: ToolContext
    ) -> None:
        before = rows(db)
        arguments = {"project_id": board.project_id if context is BOB else uuid4(), "title": "Night", "cards": []}

        with pytest.raises(ProjectNotFoundError):
            call(db, "create_activity_with_cards", context, **arguments)

        assert rows(db) == before


class TestUpdateCard:
    def test_changes_what_is_named(self, db: Database, board: Board) -> None:
        result = call(db, "update_card", card_id=board.card_id, params={"prompt": "A storm"})

        card = content(Card, result)
        assert (card.id, card.title, card.params) == (board.card_id, "Card", {"prompt": "A storm"})
        assert topics(result) == ["card.updated"]

    def test_moves_a_card(self, db: Database, board: Board) -> None:
        other = insert_activity(db, board.project_id, position=1)

        card = content(Card, call(db, "update_card", card_id=board.card_id, activity_id=other, title="Moved"))

        assert (card.activity_id, card.position, card.title) == (other, 0, "Moved")

    def test_does_not_find_what_is_not_the_callers(self, db: Database, board: Board) -> None:
        with pytest.raises(CardNotFoundError):
            call(db, "update_card", BOB, card_id=board.card_id, title="Mine")
        with pytest.raises(ActivityNotFoundError):
            call(db, "update_card", card_id=board.card_id, activity_id=uuid4())

        assert one(db, "SELECT title FROM task_cards")["title"] == "Card"

    def test_refuses_an_activity_of_another_project(self, db: Database, board: Board) -> None:
        _, other, _ = insert_board(db)

        with pytest.raises(ActivityOfOtherProjectError):
            call(db, "update_card", card_id=board.card_id, activity_id=other)


class TestCreateJob:
    def test_queues_a_job_of_the_agents_thread(self, db: Database, board: Board) -> None:
        result = call(db, "create_job", card_id=board.card_id, params={"prompt": "A storm"}, priority=3)

        job = content(CreatedJob, result)
        assert (job.card_id, job.status, result.accepted_jobs) == (board.card_id, "queued", [job.job_id])
        stored = one(db, "SELECT * FROM generation_jobs")
        assert (stored["id"], stored["params"], stored["priority"]) == (job.job_id, {"prompt": "A storm"}, 3)
        assert (stored["thread_id"], stored["provider"], stored["created_by"]) == (
            "thread-1",
            "replicate",
            "user-alice",
        )

    def test_passes_on_all_that_a_job_may_say(self, db: Database, board: Board) -> None:
        call(
            db,
            "create_job",
            card_id=board.card_id,
            params={},
            provider="replicate",
            run_after="2030-01-01T00:00:00Z",
            deadline_seconds=60,
            on_unknown="resubmit",
        )

        stored = one(db, "SELECT *, deadline_at - created_at AS time FROM generation_jobs")
        assert (stored["run_after"].year, stored["time"].total_seconds(), stored["on_unknown"]) == (
            2030,
            60,
            "resubmit",
        )

    def test_refuses_what_is_not_there(self, db: Database, board: Board) -> None:
        with pytest.raises(CardNotFoundError):
            call(db, "create_job", BOB, card_id=board.card_id, params={})
        with pytest.raises(CardNotFoundError):
            call(db, "create_job", card_id=uuid4(), params={})
        with pytest.raises(UnknownProviderError):
            call(db, "create_job", card_id=board.card_id, params={}, provider="nobody")
        with pytest.raises(InvalidToolArgumentsError):
            call(db, "create_job", card_id=board.card_id, params={}, callback_url="https://example.test")

        assert rows(db)["generation_jobs"] == 0


class TestGetJob:
    def test_shows_a_job_with_a_url(self, db: Database, board: Board) -> None:
        job_id = insert_job(db, board.card_id, status="completed")

        job = content(JobView, call(db, "get_job", job_id=job_id))

        assert (job.job_id, job.status) == (job_id, "completed")
        assert job.result_url is not None
        assert f"outputs/test/{job_id}/1.png?" in job.result_url

    def test_does_not_find_what_is_not_the_callers(self, db: Database, board: Board) -> None:
        job_id = insert_job(db, board.card_id)

        with pytest.raises(JobNotFoundError):
            call(db, "get_job", BOB, job_id=job_id)


class TestCancelJob:
    def test_ends_a_queued_job_at_once(self, db: Database, board: Board, cloud: FakeCloud) -> None:
        job_id = insert_job(db, board.card_id)

        result = call(db, "cancel_job", job_id=job_id)

        assert content(JobView, result).status == "cancelled"
        assert (topics(result), result.checks) == (["job.status.updated"], [])
        assert cloud.published() == []

    def test_leaves_the_asking_for_a_running_job_to_what_follows(
        self, db: Database, board: Board, cloud: FakeCloud
    ) -> None:
        job_id = insert_job(db, board.card_id, status="processing")
        insert_attempt(db, job_id)

        first, again = (call(db, "cancel_job", job_id=job_id) for _ in range(2))

        assert (content(JobView, first).status, content(JobView, first).cancel_requested) == ("processing", True)
        assert content(JobView, again) == content(JobView, first)
        assert (len(first.events), len(again.events)) == (1, 0)
        assert cloud.messages(cloud.checks_queue_url) == []
        registry.follow_up(db, first, origin="test")
        (message,) = cloud.messages(cloud.checks_queue_url)
        assert (message["job_id"], message["attempt"], message["seq"]) == (str(job_id), 1, None)

    def test_leaves_an_ended_job_as_it_is(self, db: Database, board: Board) -> None:
        job_id = insert_job(db, board.card_id, status="completed")

        result = call(db, "cancel_job", job_id=job_id)

        assert content(JobView, result).status == "completed"
        assert (result.events, result.checks) == ([], [])

    def test_does_not_find_what_is_not_the_callers(self, db: Database, board: Board) -> None:
        job_id = insert_job(db, board.card_id)

        with pytest.raises(JobNotFoundError):
            call(db, "cancel_job", BOB, job_id=job_id)

        assert one(db, "SELECT status FROM generation_jobs")["status"] == "queued"


class TestRetryJob:
    @pytest.mark.parametrize(("context", "thread"), [(ALICE, "thread-1"), (ToolContext(ALICE.caller), "thread-0")])
    def test_makes_a_job_like_the_old_one(self, db: Database, board: Board, context: ToolContext, thread: str) -> None:
        old = insert_job(db, board.card_id, status="failed", params={"prompt": "A storm"}, thread_id="thread-0")

        result = call(db, "retry_job", context, job_id=old)

        job = content(AcceptedJob, result)
        assert (job.retry_of, job.status, result.accepted_jobs) == (old, "queued", [job.job_id])
        stored = one(db, "SELECT * FROM generation_jobs WHERE id = %s", job.job_id)
        assert (stored["params"], stored["thread_id"]) == ({"prompt": "A storm"}, thread)

    @pytest.mark.parametrize("status", ["queued", "processing", "completed"])
    def test_refuses_a_job_that_did_not_fail(self, db: Database, board: Board, status: str) -> None:
        with pytest.raises(JobStateConflictError):
            call(db, "retry_job", job_id=insert_job(db, board.card_id, status=status))

        assert rows(db)["generation_jobs"] == 1

    def test_does_not_find_what_is_not_the_callers(self, db: Database, board: Board) -> None:
        with pytest.raises(JobNotFoundError):
            call(db, "retry_job", BOB, job_id=insert_job(db, board.card_id, status="failed"))


class TestListCandidates:
    def test_lists_completed_jobs_page_by_page(self, db: Database, board: Board) -> None:
        jobs = [insert_job(db, board.card_id, status=status) for status in ("completed", "failed", "completed")]

        first = content(Page[Candidate], call(db, "list_candidates", card_id=board.card_id, limit=1))
        second = content(
            Page[Candidate], call(db, "list_candidates", card_id=board.card_id, limit=1, cursor=first.next_cursor)
        )

        assert [candidate.job_id for candidate in (*first.items, *second.items)] == [jobs[2], jobs[0]]
        assert second.next_cursor is None

    def test_refuses_what_is_not_there(self, db: Database, board: Board) -> None:
        with pytest.raises(CardNotFoundError):
            call(db, "list_candidates", BOB, card_id=board.card_id)
        with pytest.raises(InvalidCursorError):
            call(db, "list_candidates", card_id=board.card_id, cursor="nonsense")


class TestApproveAsset:
    def test_makes_the_output_the_cards_asset_once(self, db: Database, board: Board) -> None:
        job_id = insert_job(db, board.card_id, status="completed")

        first, again = (call(db, "approve_asset", card_id=board.card_id, job_id=job_id) for _ in range(2))

        asset = content(ApprovedAsset, first)
        assert (asset.job_id, asset.approved_by, asset.replaced) == (job_id, "alice", None)
        assert content(ApprovedAsset, again).id == asset.id
        assert (topics(first), topics(again)) == (["asset.approved"], [])

    def test_refuses_what_cannot_be_approved(self, db: Database, board: Board) -> None:
        done, failed = (insert_job(db, board.card_id, status=status) for status in ("completed", "failed"))
        other = insert_card(db, board.activity_id, position=1)

        with pytest.raises(CardNotFoundError):
            call(db, "approve_asset", BOB, card_id=board.card_id, job_id=done)
        with pytest.raises(JobNotFoundError):
            call(db, "approve_asset", card_id=other, job_id=done)
        with pytest.raises(JobNotCompletedError):
            call(db, "approve_asset", card_id=board.card_id, job_id=failed)

        assert rows(db)["approved_assets"] == 0


class TestCall:
    def test_of_an_unknown_tool_reaches_nothing(self, db: Database) -> None:
        with counted() as statements, pytest.raises(UnknownToolError):
            call(db, "blow_horn")

        assert statements == []

    def test_with_invalid_arguments_reaches_nothing(self, db: Database) -> None:
        with counted() as statements, pytest.raises(InvalidToolArgumentsError):
            call(db, "get_job", job_id="x")

        assert statements == []

    def test_neither_publishes_nor_sends(self, db: Database, board: Board, cloud: FakeCloud) -> None:
        result = call(
            db,
            "create_activity_with_cards",
            project_id=board.project_id,
            title="Night",
            cards=[{"title": "Storm", "candidates": 1}],
        )

        assert (cloud.published(), cloud.messages(cloud.jobs_queue_url)) == ([], [])
        registry.follow_up(db, result, origin="test")
        assert [event["topic"] for event in cloud.published()] == ["activity.created", "card.created"]
        assert [message["job_id"] for message in cloud.messages(cloud.jobs_queue_url)] == [str(result.accepted_jobs[0])]
        unpublished = db.execute("SELECT topic FROM events WHERE published_at IS NULL").fetchall()
        assert [event["topic"] for event in unpublished] == ["job.status.updated"]

    def test_in_a_transaction_that_is_undone_leaves_nothing(self, db: Database, board: Board) -> None:
        running, queued, failed, done = (
            insert_job(db, board.card_id, status=status) for status in ("processing", "queued", "failed", "completed")
        )
        before = rows(db)
        calls: list[tuple[str, dict[str, Any]]] = [
            (
                "create_activity_with_cards",
                {"project_id": board.project_id, "title": "Night", "cards": [{"title": "Storm", "candidates": 2}]},
            ),
            ("update_card", {"card_id": board.card_id, "title": "Storm"}),
            ("create_job", {"card_id": board.card_id, "params": {}}),
            ("cancel_job", {"job_id": running}),
            ("cancel_job", {"job_id": queued}),
            ("retry_job", {"job_id": failed}),
            ("approve_asset", {"card_id": board.card_id, "job_id": done}),
        ]

        for name, arguments in calls:
            with db.transaction(force_rollback=True):
                call(db, name, **arguments)

        assert rows(db) == before
        assert one(db, "SELECT title FROM task_cards")["title"] == "Card"
        jobs = db.execute("SELECT status, cancel_requested FROM generation_jobs ORDER BY id").fetchall()
        assert [job["status"] for job in jobs] == ["processing", "queued", "failed", "completed"]
        assert not any(job["cancel_requested"] for job in jobs)

    def test_that_fails_leaves_the_transaction_around_it_whole(self, db: Database, board: Board) -> None:
        with db.transaction():
            call(db, "update_card", card_id=board.card_id, title="Storm")
            with pytest.raises(CardNotFoundError):
                call(db, "update_card", card_id=uuid4(), title="Calm")
            db.execute("UPDATE providers SET enabled = false")
            with pytest.raises(ServiceError):
                call(
                    db,
                    "create_activity_with_cards",
                    project_id=board.project_id,
                    title="Night",
                    cards=[{"title": "Storm", "candidates": 1}],
                )

        assert one(db, "SELECT title FROM task_cards")["title"] == "Storm"
        assert rows(db)["activities"] == 1

    def test_of_a_tool_that_answers_something_else_is_undone(
        self, db: Database, board: Board, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def retitle(db: Database, context: ToolContext, arguments: Any) -> ToolResult:
            db.execute("UPDATE task_cards SET params = %s", (json_parameter({"lost": True}),))
            return ToolResult(AcceptedJob(job_id=uuid4()))

        monkeypatch.setattr(registry, "_tools", {})
        registry.register_tool("retitle", retitle, AcceptedJob, description="Retitles.", result=Card)

        with pytest.raises(TypeError, match="retitle returned AcceptedJob, not Card"):
            call(db, "retitle", job_id=uuid4())

        assert one(db, "SELECT params FROM task_cards")["params"] == {}


def test_what_follows_survives_queues_that_do_not_answer(
    db: Database, board: Board, cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = insert_job(db, board.card_id, status="processing")
    cancelled = call(db, "cancel_job", job_id=running)
    created = call(db, "create_job", card_id=board.card_id, params={})
    monkeypatch.setenv("JOBS_QUEUE_URL", cloud.jobs_queue_url + "-gone")
    monkeypatch.setenv("CHECKS_QUEUE_URL", cloud.checks_queue_url + "-gone")
    get_settings.cache_clear()

    registry.follow_up(db, cancelled, origin="test")
    registry.follow_up(db, created, origin="test")

    assert [event["data"]["cancel_requested"] for event in cloud.published()] == [True]
