"""An AWS that takes every message and event at once and does nothing with them: `aws_endpoint.py PORT`.

It is a process of its own, so that what it costs is not in what is measured.
"""

import asyncio
import json
import sys
from typing import Any
from uuid import uuid4


def _answer(operation: str, request: dict[str, Any]) -> dict[str, Any]:
    if operation == "AWSEvents.PutEvents":
        return {"FailedEntryCount": 0, "Entries": [{"EventId": str(uuid4())} for _ in request["Entries"]]}
    if operation == "AmazonSQS.SendMessageBatch":
        sent = [{"Id": entry["Id"], "MessageId": str(uuid4()), "MD5OfMessageBody": ""} for entry in request["Entries"]]
        return {"Successful": sent, "Failed": []}
    raise ValueError(f"nothing here answers {operation!r}")


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # A client that goes away ends it by what the next read raises.
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionResetError):
            break
        lines = head.decode("latin-1").split("\r\n")[1:-2]
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        answer = json.dumps(_answer(headers["x-amz-target"], json.loads(body))).encode()
        kind = headers["content-type"]
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(answer)}\r\n\r\n".encode())
        writer.write(answer)
        await writer.drain()
    writer.close()


async def _listen(port: int) -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_listen(int(sys.argv[1])))
