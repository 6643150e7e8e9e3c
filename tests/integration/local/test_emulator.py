"""The emulator's Bedrock, as it is started for the local stack, in front of a server that does what it is told."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from callboard_local import ministack, processes
from callboard_local.paths import StackPaths

MODEL = "anthropic.claude-3-haiku-20240307-v1:0"
COMPLETION = {"choices": [{"message": {"role": "assistant", "content": "Yes."}}]}


class Server:
    """Accepts a request, remembers its body, sends these bytes and hangs up."""

    def __init__(self, listener: socket.socket) -> None:
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.answer = b""
        self.asked: Any = None
        self._listener = listener

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as request:
                length = 0
                while line := request.readline().strip():
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                self.asked = json.loads(request.read(length))
                connection.sendall(self.answer)


def answered(status: str, body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@contextmanager
def listening() -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(listener)
        serving = threading.Thread(target=server.serve)
        serving.start()
        try:
            yield server
        finally:
            # Closing alone would not wake the thread.
            listener.shutdown(socket.SHUT_RDWR)
            serving.join()


@contextmanager
def emulator(paths: StackPaths, model_url: str) -> Iterator[Any]:
    (paths.run / "tmp").mkdir(parents=True)
    try:
        endpoint = ministack.start(paths, processes.free_port(), model_url, "llama")
        # It would ask again by itself what may succeed later; here each answer is the same.
        once: Any = boto3.session.Session(
            aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1"
        )
        yield once.client("bedrock-runtime", endpoint_url=endpoint, config=Config(retries={"total_max_attempts": 1}))
    finally:
        processes.stop_all(paths)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Server]]:
    paths = StackPaths(tmp_path_factory.mktemp("emulator") / ".local")
    with listening() as server, emulator(paths, server.url) as bedrock:
        yield bedrock, server


def converse(bedrock: Any) -> Any:
    return bedrock.converse(modelId=MODEL, messages=[{"role": "user", "content": [{"text": "A lamp?"}]}])


def test_the_model_is_asked_by_its_name_at_the_server(served: tuple[Any, Server]) -> None:
    bedrock, server = served
    server.answer = answered("200 OK", json.dumps(COMPLETION).encode())

    answer = converse(bedrock)

    assert answer["output"]["message"]["content"] == [{"text": "Yes."}]
    assert server.asked["model"] == "llama"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (answered("500 Oh"), "ServiceUnavailableException"),
        (answered("429 Slow"), "ThrottlingException"),
        (answered("404 No", b'{"error": {"message": "model not found"}}'), "ValidationException"),
        (b"", "ServiceUnavailableException"),
        (b"what?\r\n", "ServiceUnavailableException"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "ServiceUnavailableException"),
        (answered("200 OK", b"<html>"), "ModelErrorException"),
        (answered("200 OK", b"{}"), "ModelErrorException"),
        (answered("200 OK", b"[]"), "ModelErrorException"),
        (answered("200 OK", b'{"choices": []}'), "ModelErrorException"),
        (answered("200 OK", b'{"choices": [{"message": null}]}'), "ModelErrorException"),
    ],
)
def test_an_answer_that_is_none_is_an_error_of_bedrock_s(served: tuple[Any, Server], answer: bytes, code: str) -> None:
    bedrock, server = served
    server.answer = answer

    with pytest.raises(ClientError) as raised:
        converse(bedrock)

    assert raised.value.response["Error"]["Code"] == code


def test_what_the_server_says_of_a_bad_request_is_passed_on(served: tuple[Any, Server]) -> None:
    bedrock, server = served
    server.answer = answered("404 No", b'{"error": {"message": "model not found"}}')

    with pytest.raises(ClientError, match="model not found"):
        converse(bedrock)


def test_a_server_that_is_not_there_is_an_error(served: tuple[Any, Server], tmp_path: Any) -> None:
    with (
        emulator(StackPaths(tmp_path / ".local"), f"http://127.0.0.1:{processes.free_port()}") as bedrock,
        pytest.raises(ClientError) as raised,
    ):
        converse(bedrock)

    assert raised.value.response["Error"]["Code"] == "ServiceUnavailableException"
