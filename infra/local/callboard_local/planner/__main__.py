"""`python -m callboard_local.planner --port N`: serve until a signal says stop."""

import argparse
import signal
from collections.abc import Sequence
from types import FrameType

from callboard_local.generator.server import bind, make_server
from callboard_local.planner import log
from callboard_local.planner.app import make_app


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve; a port that is taken ends the program at once."""
    parser = argparse.ArgumentParser(prog="callboard_local.planner", description="The scripted planner.")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one; it is in the first log line")
    parser.add_argument("--host", action="append", help="an address to listen on; may be repeated")
    options = parser.parse_args(arguments)
    hosts = options.host or ["127.0.0.1"]
    log.configure()
    try:
        sockets = bind(hosts, options.port)
    except OSError as error:
        parser.exit(1, f"Cannot listen on {', '.join(hosts)} port {options.port}: {error.strerror}\n")
    log.outcome("listening", hosts=hosts, port=sockets[0].getsockname()[1])
    server = make_server(make_app())

    def stop(_number: int, _frame: FrameType | None) -> None:
        # uvicorn raises the signal again once it has stopped; being told to stop is no failure.
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    server.run(sockets=sockets)
    log.outcome("stopped")


if __name__ == "__main__":
    main()
