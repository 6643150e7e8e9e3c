"""What callers do with activities."""

from collections.abc import Sequence
from uuid import UUID

from callboard.activities import repository
from callboard.activities.errors import ActivityHasLiveJobsError, ActivityNotFoundError
from callboard.activities.models import Activity, ActivityChange, NewActivity
from callboard.activities.repository import CardSpec
from callboard.cards.models import NewCard
from callboard.database import Database
from callboard.events.models import Changed
from callboard.fields import stored_position
from callboard.identity import Caller
from callboard.ids import new_id
from callboard.observability import correlation_id
from callboard.pagination import Page, decode_cursor, page_of
from callboard.projects import repository as projects
from callboard.projects.errors import ProjectNotFoundError


def create_activity(db: Database, caller: Caller, project_id: UUID, request: NewActivity) -> Changed[Activity]:
    """Create an activity with its cards, at its place or as the last; at a taken place the others make room.

    Raises:
        ProjectNotFoundError: The project does not exist for the caller's tenant.
    """
    positions = positions_of(request.cards)
    cards = [
        CardSpec(new_id(), card.title, card.params, position)
        for card, position in zip(request.cards, positions, strict=True)
    ]
    with db.transaction():
        if not projects.lock(db, caller.tenant, project_id):
            raise ProjectNotFoundError
        changed = repository.create(
            db,
            caller.tenant,
            project_id,
            title=request.title,
            position=request.position,
            cards=cards,
            correlation_id=correlation_id(),
        )
    if changed is None:
        raise ProjectNotFoundError
    return changed


def positions_of(cards: Sequence[NewCard]) -> list[int]:
    """Return where cards of a new activity end up when they are placed one after another."""
    placed: list[int] = []
    for card in cards:
        position = card.position if card.position is not None else max(placed, default=-1) + 1
        if position in placed:
            placed = [other + 1 if other >= position else other for other in placed]
        placed.append(position)
    return placed


def get_activity(db: Database, caller: Caller, activity_id: UUID) -> Activity:
    """Read an activity with its cards.

    Raises:
        ActivityNotFoundError: It does not exist for the caller's tenant.
    """
    activity = repository.get(db, caller.tenant, activity_id)
    if activity is None:
        raise ActivityNotFoundError
    return activity


def list_activities(db: Database, caller: Caller, project_id: UUID, cursor: str | None, limit: int) -> Page[Activity]:
    """Read a page of a project's activities by position, each with all its cards.

    Raises:
        ProjectNotFoundError: The project does not exist for the caller's tenant.
        InvalidCursorError: The cursor is not one of this list.
    """
    key = decode_cursor(cursor, stored_position, UUID)
    after = (key[0], key[1]) if key else None
    rows = repository.list_of_project(db, caller.tenant, project_id, after, limit + 1)
    if rows is None:
        raise ProjectNotFoundError
    return page_of(rows, limit, lambda activity: (activity.position, str(activity.id)))


def update_activity(db: Database, caller: Caller, activity_id: UUID, request: ActivityChange) -> Changed[Activity]:
    """Change what the request names; a new place moves the activities in between by one.

    Raises:
        ActivityNotFoundError: It does not exist for the caller's tenant.
    """
    with db.transaction():
        if projects.lock_of_activity(db, caller.tenant, activity_id) is None:
            raise ActivityNotFoundError
        changed = repository.update(
            db,
            caller.tenant,
            activity_id,
            title=request.title,
            position=request.position,
            correlation_id=correlation_id(),
        )
    if changed is None:
        raise ActivityNotFoundError
    return changed


def delete_activity(db: Database, caller: Caller, activity_id: UUID) -> Changed[None]:
    """Delete an activity with its cards, their ended jobs and assets.

    Raises:
        ActivityNotFoundError: It does not exist for the caller's tenant.
        ActivityHasLiveJobsError: Jobs of its cards are queued or processing.
    """
    with db.transaction():
        if projects.lock_of_activity(db, caller.tenant, activity_id) is None:
            raise ActivityNotFoundError
        card_ids = repository.lock_cards(db, caller.tenant, activity_id)
        deleted = repository.delete(db, caller.tenant, activity_id, card_ids, correlation_id=correlation_id())
        if deleted.result:
            raise ActivityHasLiveJobsError(details={"live_jobs": deleted.result})
        if not deleted.events:
            raise ActivityNotFoundError
    return Changed(None, deleted.events)
