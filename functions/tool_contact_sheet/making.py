"""Making a contact sheet of a project: which pictures, drawn, stored."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from callboard import storage
from callboard.assets import service as assets
from callboard.assets.errors import NoApprovedPicturesError
from callboard.assets.models import Picture
from callboard.database import Database
from callboard.pictures import reduced
from tool_contact_sheet.drawing import Frame, draw_contact_sheet

MAX_PICTURES = 200
MAX_PICTURE_BYTES = 20 * 1024 * 1024
# The largest frame of a sheet is about this wide; what is kept of each picture is no larger.
FRAME_SIDE = 960
# Few pictures are held whole at a time.
READ_AT_ONCE = 3


class ContactSheet(BaseModel):
    """Where the sheet is, for as long as its URL is good, and how many pictures are on it or were left out."""

    url: str
    url_expires_at: datetime
    pictures: int
    left_out: int


def make_contact_sheet(db: Database, tenant: str, project_id: UUID) -> ContactSheet:
    """Draw the approved pictures of a tenant's project under the titles of their activities, and store the sheet.

    Raises:
        ProjectNotFoundError: The project does not exist for the tenant.
        NoApprovedPicturesError: There is nothing to draw.
    """
    project = assets.pictures_of_project(db, tenant, project_id, MAX_PICTURES)
    with ThreadPoolExecutor(max_workers=READ_AT_ONCE) as pool:
        read = list(pool.map(_read, project.pictures))
    frames = [frame for frame in read if frame is not None]
    if not frames:
        raise NoApprovedPicturesError
    png = draw_contact_sheet(project.name, frames)
    digest = hashlib.sha256(png).digest()
    key = storage.sheet_key(tenant, project_id, digest.hex()[:32])
    storage.store(key, png, "image/png", digest, {})
    sheet = storage.presigned_url(key)
    return ContactSheet(
        url=sheet.url,
        url_expires_at=sheet.expires_at,
        pictures=len(frames),
        left_out=project.total - len(frames),
    )


def _read(picture: Picture) -> Frame | None:
    """Read a picture at the size of a frame; None if it is too large, or is none that can be drawn."""
    content = storage.read(picture.object_key, MAX_PICTURE_BYTES)
    small = None if content is None else reduced(content, FRAME_SIDE, "PNG")
    return None if small is None else Frame(picture.title, picture.section, small)
