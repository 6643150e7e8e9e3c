"""Another model server than the planner: whether it is there, and which of its models is asked."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from callboard_local import model_server, processes, stack
from callboard_local.errors import StackError
from callboard_local.paths import StackPaths


@contextmanager
def listing(status: int, body: str) -> Iterator[str]:
    """Serve this answer to whatever is asked; give the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            serving.join()


def of(*names: str) -> str:
    return json.dumps({"object": "list", "data": [{"id": name} for name in names]})


@pytest.fixture
def paths(tmp_path: Path) -> StackPaths:
    return StackPaths(tmp_path / ".local")


@pytest.fixture
def run_by(paths: StackPaths) -> Callable[[str], None]:
    """Make a stack that seems to run, whose model is `llama` at a server."""

    def make(url: str) -> None:
        paths.root.mkdir()
        fields = dict.fromkeys(stack.Stack.__dataclass_fields__, "")
        told = {"aws_endpoint_url": url, "model_url": url, "model_name": "llama", "planner_port": None}
        paths.stack_file.write_text(json.dumps(fields | told))

    return make


def test_the_only_model_of_a_server_is_asked() -> None:
    with listing(200, of("llama")) as url:
        assert model_server.choose(url) == "llama"


@pytest.mark.parametrize("name", ["llama", "llama:8b", "qwen"])
def test_of_several_models_the_named_one_is_asked(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(model_server.NAME_VARIABLE, name)

    with listing(200, of("llama:8b", "qwen")) as url:
        assert model_server.choose(url) == name


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"data": [{}]}', '{"data": null}'])
def test_a_server_without_a_list_is_asked_for_the_named_model(body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(model_server.NAME_VARIABLE, "llama")

    with listing(404, body) as url:
        assert model_server.choose(url) == "llama"


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["llama", "qwen"], "has several models: llama, qwen. Say which is to be asked by CALLBOARD_MODEL"),
        ([], "does not list its models. Say which is to be asked by CALLBOARD_MODEL"),
    ],
)
def test_no_model_is_asked_by_chance(names: list[str], problem: str) -> None:
    with listing(200, of(*names)) as url, pytest.raises(StackError, match=problem):
        model_server.choose(url)


def test_a_model_that_the_server_has_not_is_refused_with_those_that_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(model_server.NAME_VARIABLE, "gpt")

    with (
        listing(200, of("llama", "qwen")) as url,
        pytest.raises(StackError, match=r"has no model gpt .*; it has llama, qwen"),
    ):
        model_server.choose(url)


@pytest.mark.parametrize("status", [500, 503, 401])
def test_a_start_with_a_server_that_fails_says_so_and_touches_nothing(
    status: int, paths: StackPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listing(status, "") as url:
        monkeypatch.setenv(model_server.URL_VARIABLE, f"{url}/v1/")

        with pytest.raises(StackError, match=f"{url} answers {status}"):
            stack.up(paths, lambda step: None)

    assert list(paths.root.iterdir()) == []


def test_a_start_with_a_server_that_is_not_there_says_so(paths: StackPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://127.0.0.1:{processes.free_port()}"
    monkeypatch.setenv(model_server.URL_VARIABLE, url)

    with pytest.raises(StackError, match=f"No model server answers at {url}"):
        stack.up(paths, lambda step: None)


@pytest.mark.parametrize(
    ("url", "name", "problem"),
    [("localhost:11434", "", "must be the URL of a server"), ("", "llama", "say where that is by CALLBOARD_MODEL_URL")],
)
def test_what_names_no_server_is_refused(
    url: str, name: str, problem: str, paths: StackPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(model_server.URL_VARIABLE, url)
    monkeypatch.setenv(model_server.NAME_VARIABLE, name)

    with pytest.raises(StackError, match=problem):
        stack.up(paths, lambda step: None)


@pytest.mark.parametrize(("other_url", "other_name"), [("http://127.0.0.1:1/v1/", ""), (None, "qwen")])
def test_a_running_stack_is_not_asked_to_change_its_model(
    other_url: str | None,
    other_name: str,
    paths: StackPaths,
    run_by: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with listing(200, of("llama", "qwen")) as url:
        run_by(url)
        monkeypatch.setenv(model_server.URL_VARIABLE, other_url or url)
        monkeypatch.setenv(model_server.NAME_VARIABLE, other_name)

        with pytest.raises(StackError, match=f"asks the model llama at {url}"):
            stack.up(paths, lambda step: None)


def test_a_running_stack_whose_model_server_fails_says_so(paths: StackPaths, run_by: Callable[[str], None]) -> None:
    with listing(503, "") as url:
        run_by(url)

        with pytest.raises(StackError, match=f"{url} answers 503"):
            stack.up(paths, lambda step: None)
