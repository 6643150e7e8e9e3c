"""One more address for the stack, such as a container bridge: connections are passed on to 127.0.0.1."""

import asyncio
import socket
import sys
from collections.abc import Sequence

from callboard_local import processes
from callboard_local.errors import StackError
from callboard_local.paths import StackPaths

CHUNK_BYTES = 64 * 1024


def check(address: str) -> None:
    """Refuse an address that nothing could listen on.

    Raises:
        StackError: It is not one of this machine.
    """
    try:
        with socket.create_server((address, 0)):
            return
    except OSError as error:
        raise StackError(f"{address} is not an address of this machine: {error.strerror or error}.") from error


def start(paths: StackPaths, address: str, ports: Sequence[int]) -> None:
    """Listen on the same ports of another address, unless that is done already."""
    if all(processes.listens(port, address) for port in ports):
        return
    command = [sys.executable, "-m", "callboard_local.forwarder", address, *map(str, ports)]
    process = processes.start(paths, "forwarder", command)
    processes.wait_until(paths, "forwarder", process, lambda: "listening" in processes.tail(paths, "forwarder"), 10)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on bytes until there are no more, then say so: the other direction may still be busy."""
    try:
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()


async def _serve(address: str, ports: Sequence[int]) -> None:
    servers = []
    for port in ports:

        async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int = port) -> None:
            try:
                inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                writer.transport.abort()
                return
            await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))
            inner_writer.close()
            writer.close()

        servers.append(await asyncio.start_server(forward, address, port))
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], [int(port) for port in sys.argv[2:]]))
