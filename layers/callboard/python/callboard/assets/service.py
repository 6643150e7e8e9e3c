"""What callers do with approved assets."""

from uuid import UUID

from callboard import storage
from callboard.assets import repository
from callboard.assets.errors import AssetNotFoundError, JobNotCompletedError
from callboard.assets.models import ApprovedAsset, Asset, ProjectPictures, StoredAsset
from callboard.database import Database
from callboard.events.models import Changed
from callboard.identity import Caller
from callboard.jobs.errors import CardNotFoundError, JobNotFoundError
from callboard.observability import correlation_id
from callboard.pagination import Page, decode_cursor, page_of
from callboard.projects.errors import ProjectNotFoundError


def approve_job(db: Database, caller: Caller, card_id: UUID, job_id: UUID) -> Changed[tuple[ApprovedAsset, bool]]:
    """Make a completed job's output the card's asset; return the asset and whether it is new.

    A card has one asset: another job's replaces it. The same job again changes nothing.

    Raises:
        CardNotFoundError: The card does not exist for the caller's tenant.
        JobNotFoundError: The card has no such job.
        JobNotCompletedError: The job has no output.
    """
    with db.transaction():
        if not repository.lock_card(db, caller.tenant, card_id):
            raise CardNotFoundError
        approval = repository.approve(
            db, caller.tenant, card_id, job_id, approved_by=caller.user_name, correlation_id=correlation_id()
        )
    if approval is None:
        raise JobNotFoundError
    outcome = approval.result
    if outcome.asset is None:
        raise JobNotCompletedError(details={"status": outcome.job_status})
    asset = ApprovedAsset(**view_of(outcome.asset).model_dump(), replaced=outcome.replaced)
    return Changed((asset, outcome.created), approval.events)


def get_asset(db: Database, caller: Caller, asset_id: UUID) -> Asset:
    """Read an asset with a fresh URL.

    Raises:
        AssetNotFoundError: It does not exist for the caller's tenant, or another one replaced it.
    """
    asset = repository.get(db, caller.tenant, asset_id)
    if asset is None:
        raise AssetNotFoundError
    return view_of(asset)


def list_assets(db: Database, caller: Caller, project_id: UUID, cursor: str | None, limit: int) -> Page[Asset]:
    """Read a page of a project's approved assets, newest first, with fresh URLs.

    Raises:
        ProjectNotFoundError: The project does not exist for the caller's tenant.
        InvalidCursorError: The cursor is not one of this list.
    """
    key = decode_cursor(cursor, UUID)
    rows = repository.list_of_project(db, caller.tenant, project_id, key[0] if key else None, limit + 1)
    if rows is None:
        raise ProjectNotFoundError
    page = page_of(rows, limit, lambda asset: (str(asset.id),))
    return Page(items=[view_of(asset) for asset in page.items], next_cursor=page.next_cursor)


def pictures_of_project(db: Database, tenant: str, project_id: UUID, limit: int) -> ProjectPictures:
    """Read the first approved pictures of a project, in the order of the board.

    Raises:
        ProjectNotFoundError: The project does not exist for the tenant.
    """
    pictures = repository.pictures_of_project(db, tenant, project_id, limit)
    if pictures is None:
        raise ProjectNotFoundError
    return pictures


def view_of(asset: StoredAsset) -> Asset:
    """Show an asset, with a fresh URL of its output."""
    output = storage.presigned_url(asset.object_key)
    return Asset(url=output.url, url_expires_at=output.expires_at, **asset.model_dump(exclude={"object_key"}))
