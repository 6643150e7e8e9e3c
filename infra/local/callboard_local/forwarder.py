"""One more address for the stack, such as a container bridge: connections are passed on to 127.0.0.1."""

import asyncio
import sys
from collections.abc import Sequence

from callboard_local import processes
from callboard_local.paths import StackPaths

CHUNK_BYTES = 64 * 1024


def start(paths: StackPaths, address: str, ports: Sequence[int]) -> None:
    """Listen on the same ports of another address.

    Raises:
        StackError: The address is not one of this machine.
    """
    command = [sys.executable, "-m", "callboard_local.forwarder", address, *map(str, ports)]
    process = processes.start(paths, "forwarder", command)
    processes.wait_until(paths, "forwarder", process, lambda: "listening" in processes.tail(paths, "forwarder"), 10)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        writer.transport.abort()
    else:
        writer.close()


async def _serve(address: str, ports: Sequence[int]) -> None:
    servers = []
    for port in ports:

        async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int = port) -> None:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))

        servers.append(await asyncio.start_server(forward, address, port))
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], [int(port) for port in sys.argv[2:]]))
