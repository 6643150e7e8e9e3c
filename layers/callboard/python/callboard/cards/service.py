"""What callers do with cards."""

from uuid import UUID

from callboard import storage
from callboard.activities.errors import ActivityNotFoundError
from callboard.cards import repository
from callboard.cards.errors import ActivityOfOtherProjectError, CardHasLiveJobsError
from callboard.cards.models import Candidate, CandidateJob, Card, CardChange, NewCard
from callboard.cards.repository import CardFields
from callboard.database import Database
from callboard.events.models import Changed
from callboard.fields import stored_position
from callboard.identity import Caller
from callboard.jobs.errors import CardNotFoundError
from callboard.observability import correlation_id
from callboard.pagination import Page, decode_cursor, page_of
from callboard.projects import repository as projects


def create_card(db: Database, caller: Caller, activity_id: UUID, request: NewCard) -> Changed[Card]:
    """Create a card at its place, or as the last of its activity; at a taken place the others make room.

    Raises:
        ActivityNotFoundError: The activity does not exist for the caller's tenant.
    """
    fields = CardFields(title=request.title, params=request.params, position=request.position)
    with db.transaction():
        if projects.lock_of_activity(db, caller.tenant, activity_id) is None:
            raise ActivityNotFoundError
        changed = repository.create(db, caller.tenant, activity_id, fields, correlation_id=correlation_id())
    if changed is None:
        raise ActivityNotFoundError
    return changed


def get_card(db: Database, caller: Caller, card_id: UUID) -> Card:
    """Read a card.

    Raises:
        CardNotFoundError: It does not exist for the caller's tenant.
    """
    card = repository.get(db, caller.tenant, card_id)
    if card is None:
        raise CardNotFoundError
    return card


def list_cards(db: Database, caller: Caller, activity_id: UUID, cursor: str | None, limit: int) -> Page[Card]:
    """Read a page of an activity's cards by position.

    Raises:
        ActivityNotFoundError: The activity does not exist for the caller's tenant.
        InvalidCursorError: The cursor is not one of this list.
    """
    key = decode_cursor(cursor, stored_position, UUID)
    after = (key[0], key[1]) if key else None
    rows = repository.list_of_activity(db, caller.tenant, activity_id, after, limit + 1)
    if rows is None:
        raise ActivityNotFoundError
    return page_of(rows, limit, lambda card: (card.position, str(card.id)))


def update_card(db: Database, caller: Caller, card_id: UUID, request: CardChange) -> Changed[Card]:
    """Change what the request names; a new place moves the cards in between by one.

    Raises:
        CardNotFoundError: The card does not exist for the caller's tenant.
        ActivityNotFoundError: The activity it is to move to does not.
        ActivityOfOtherProjectError: That activity belongs to another project.
    """
    fields = CardFields(
        title=request.title, params=request.params, position=request.position, activity_id=request.activity_id
    )
    if fields.position is None and fields.activity_id is None:
        changed = repository.update(db, caller.tenant, card_id, fields, correlation_id=correlation_id())
    else:
        with db.transaction():
            project_id = projects.lock_of_card(db, caller.tenant, card_id)
            if project_id is None:
                raise CardNotFoundError
            if fields.activity_id is not None:
                _check_target(db, caller, fields.activity_id, project_id)
            changed = repository.move(db, caller.tenant, card_id, fields, correlation_id=correlation_id())
    if changed is None:
        raise CardNotFoundError
    return changed


def _check_target(db: Database, caller: Caller, activity_id: UUID, project_id: UUID) -> None:
    project_of_target = repository.project_of_activity(db, caller.tenant, activity_id)
    if project_of_target is None:
        raise ActivityNotFoundError
    if project_of_target != project_id:
        raise ActivityOfOtherProjectError


def delete_card(db: Database, caller: Caller, card_id: UUID) -> Changed[None]:
    """Delete a card with its ended jobs and its asset.

    Raises:
        CardNotFoundError: It does not exist for the caller's tenant.
        CardHasLiveJobsError: Jobs are queued or processing.
    """
    with db.transaction():
        held = projects.lock_of_card(db, caller.tenant, card_id)
        if held is None or not repository.lock(db, caller.tenant, card_id):
            raise CardNotFoundError
        deleted = repository.delete(db, caller.tenant, card_id, correlation_id=correlation_id())
        if deleted.result:
            raise CardHasLiveJobsError(details={"live_jobs": deleted.result})
    return Changed(None, deleted.events)


def list_candidates(db: Database, caller: Caller, card_id: UUID, cursor: str | None, limit: int) -> Page[Candidate]:
    """Read a page of a card's completed jobs, newest first, with fresh URLs of their outputs.

    Raises:
        CardNotFoundError: The card does not exist for the caller's tenant.
        InvalidCursorError: The cursor is not one of this list.
    """
    key = decode_cursor(cursor, UUID)
    rows = repository.candidates(db, caller.tenant, card_id, key[0] if key else None, limit + 1)
    if rows is None:
        raise CardNotFoundError
    page = page_of(rows, limit, lambda job: (str(job.id),))
    return Page(items=[_candidate_of(job) for job in page.items], next_cursor=page.next_cursor)


def _candidate_of(job: CandidateJob) -> Candidate:
    output = storage.presigned_url(job.result_url)
    return Candidate(
        job_id=job.id,
        result_url=output.url,
        result_url_expires_at=output.expires_at,
        **job.model_dump(exclude={"id", "result_url"}),
    )
