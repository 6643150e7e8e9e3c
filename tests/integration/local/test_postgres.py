from collections.abc import Iterator

import psutil
import psycopg
import pytest

from callboard_local import postgres, processes
from callboard_local.paths import StackPaths


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackPaths]:
    paths = StackPaths(tmp_path_factory.mktemp("stack") / ".local")
    (paths.run / "tmp").mkdir(parents=True)
    yield paths
    processes.stop_all(paths)


@pytest.fixture(scope="module")
def url(paths: StackPaths) -> str:
    return postgres.start(paths, processes.free_port())


def test_functions_have_a_role_of_their_own_with_its_limits(url: str) -> None:
    with psycopg.connect(url) as db:
        row = db.execute(
            "SELECT current_user, current_setting('statement_timeout'), current_setting('TimeZone'), rolsuper"
            " FROM pg_roles WHERE rolname = current_user"
        ).fetchone()

    assert row == ("callboard_app", "1min", "UTC", False)


def test_functions_may_make_their_tables(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("CREATE TABLE probe (id int)")
        db.execute("DROP TABLE probe")


def test_server_listens_on_this_machine_only(url: str, paths: StackPaths) -> None:
    listening = {
        connection.laddr.ip
        for process in processes.marked(paths)
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }

    assert listening == {"127.0.0.1"}


def test_server_keeps_everything_in_its_folder(url: str, paths: StackPaths) -> None:
    with psycopg.connect(url.replace(postgres.APPLICATION, postgres.OWNER)) as db:
        row = db.execute("SELECT current_setting('unix_socket_directories')").fetchone()

    assert row == ("",)
    assert (paths.run / "postgres" / "PG_VERSION").exists()
