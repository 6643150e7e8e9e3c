"""The assets bucket: outputs of jobs, stored by us before anyone is told that a job is completed."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from callboard import aws
from callboard.errors import ServiceUnavailableError
from callboard.settings import get_settings

URL_LIFETIME = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class PresignedUrl:
    """A URL that anyone may read until it expires."""

    url: str
    expires_at: datetime


def output_key(tenant: str, project_id: UUID, job_id: UUID, attempt: int, extension: str) -> str:
    """Name the object of an attempt's output; a repeated store of the same attempt writes the same object."""
    return f"outputs/{tenant}/{project_id}/{job_id}/{attempt}{extension}"


def sheet_key(tenant: str, project_id: UUID, name: str) -> str:
    """Name the object of a project's contact sheet."""
    return f"sheets/{tenant}/{project_id}/{name}.png"


def store(key: str, content: bytes, media_type: str, sha256: bytes, metadata: Mapping[str, str]) -> None:
    """Write an object; the bucket checks the bytes against their SHA-256 digest."""
    aws.s3().put_object(
        Bucket=get_settings().assets_bucket,
        Key=key,
        Body=content,
        ContentType=media_type,
        ChecksumSHA256=base64.b64encode(sha256).decode(),
        Metadata=dict(metadata),
    )


def read(key: str, max_bytes: int, *, bucket: str | None = None) -> bytes | None:
    """Read an object of the assets bucket, or of another one; None if there is none, or if it is larger than that.

    Raises:
        ServiceUnavailableError: The bucket does not answer.
    """
    s3 = aws.s3()
    try:
        answer = s3.get_object(Bucket=bucket or get_settings().assets_bucket, Key=key)
        return answer["Body"].read() if answer["ContentLength"] <= max_bytes else None
    except s3.exceptions.NoSuchKey:
        return None
    except aws.failures() as error:
        raise ServiceUnavailableError(details={"service": "assets"}) from error


def presigned_url(key: str) -> PresignedUrl:
    """Make a URL for an object; nothing is sent to the bucket, so it costs no round trip."""
    url = aws.s3().generate_presigned_url(
        "get_object",
        Params={"Bucket": get_settings().assets_bucket, "Key": key},
        ExpiresIn=int(URL_LIFETIME.total_seconds()),
    )
    return PresignedUrl(url, datetime.now(UTC) + URL_LIFETIME)
