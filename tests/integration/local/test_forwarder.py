import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from callboard_local import forwarder, processes
from callboard_local.errors import StackError
from callboard_local.paths import StackPaths

# All of 127.0.0.0/8 is this machine on Linux, so this is a second address that every machine has.
ADDRESS = "127.0.0.2"


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.sendall(b"echo " + self.request.recv(100))


@pytest.fixture
def port() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[StackPaths]:
    paths = StackPaths(tmp_path / ".local")
    (paths.run / "tmp").mkdir(parents=True)
    yield paths
    processes.stop_all(paths)


def test_forwarder_passes_on_what_comes_to_the_other_address(paths: StackPaths, port: int) -> None:
    forwarder.start(paths, ADDRESS, [port])

    with socket.create_connection((ADDRESS, port), timeout=5) as client:
        client.sendall(b"hello")
        client.shutdown(socket.SHUT_WR)
        answer = client.makefile("rb").read()

    assert answer == b"echo hello"


def test_forwarder_is_started_once(paths: StackPaths, port: int) -> None:
    forwarder.start(paths, ADDRESS, [port])
    forwarder.start(paths, ADDRESS, [port])

    assert len(processes.marked(paths)) == 1


def test_forwarder_drops_connections_to_a_part_that_is_gone(paths: StackPaths) -> None:
    port = processes.free_port()
    forwarder.start(paths, ADDRESS, [port])

    with socket.create_connection((ADDRESS, port), timeout=5) as client:
        assert client.recv(1) == b""


def test_address_of_another_machine_is_refused() -> None:
    with pytest.raises(StackError, match=r"192\.0\.2\.1 is not an address of this machine"):
        forwarder.check("192.0.2.1")
