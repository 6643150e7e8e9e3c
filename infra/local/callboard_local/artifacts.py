"""Code as the functions get it: zip files that are the same for the same sources."""

import hashlib
import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

from callboard_local.paths import PROJECT

FUNCTIONS = PROJECT / "functions"
MIGRATIONS = PROJECT / "infra" / "migrations"
LAYER = PROJECT / "layers" / "callboard"
# A fixed date makes the bytes depend on the content alone.
DATE = (1980, 1, 1, 0, 0, 0)


def functions() -> bytes:
    """Zip the functions' folder."""
    return _zip(_files(FUNCTIONS, ""))


def migrate() -> bytes:
    """Zip what migrate needs: the functions' folder and the migrations beside it."""
    return _zip([*_files(FUNCTIONS, ""), *_files(MIGRATIONS, "migrations/")])


def layer() -> bytes:
    """Zip the shared package as a layer."""
    return _zip(_files(LAYER / "python", "python/"))


def digest(content: bytes) -> str:
    """Return the name that a content has wherever it is stored."""
    return hashlib.sha256(content).hexdigest()[:32]


def newest_migration() -> str:
    """Return what changes whenever the migrations change."""
    return digest(b"".join(path.name.encode() + path.read_bytes() for path in sorted(MIGRATIONS.glob("*.sql"))))


def _files(folder: Path, prefix: str) -> list[tuple[str, Path]]:
    return [
        (prefix + path.relative_to(folder).as_posix(), path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]


def _zip(files: Iterable[tuple[str, Path]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files:
            info = zipfile.ZipInfo(name, DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, path.read_bytes())
    return buffer.getvalue()
