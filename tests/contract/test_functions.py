"""Functions: thin handlers that say what they do, import without side effects and match the template."""

import ast
import inspect
import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest

from support.template import ROOT, Function, functions

FOLDER = ROOT / "functions"
EVENTS = ROOT / "infra" / "events"
NAMES = sorted(functions())
SCHEDULED_ONLY = [
    name for name in NAMES if any(functions()[name].events("ScheduleV2")) and not functions()[name].routes
]
MAX_LINES = 70
# A function of many routes is long because each stands there; none may do more than call a service.
MAX_LINES_A_ROUTE = 16
# Functions on the path of every connection: no database driver in their cold start.
WITHOUT_DATABASE = ["ws_connect", "ws_disconnect", "notify", "issue_ticket"]

IMPORT_QUIETLY = """
import importlib, json, sys

def refuse(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system"}:
        raise RuntimeError(f"{event} at import")

sys.addaudithook(refuse)
loaded = {}
for name in sys.argv[1:]:
    importlib.import_module(f"{name}.handler")
    packages = ("boto3", "botocore", "psycopg", "jwt", "langgraph", "mcp")
    loaded[name] = [package for package in packages if package in sys.modules]
print(json.dumps(loaded))
"""


def source(name: str) -> str:
    return (FOLDER / name / "handler.py").read_text()


def imported(tree: ast.AST) -> set[str]:
    """Return the top-level names of all modules that a module imports."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


def import_handlers(*names: str) -> dict[str, list[str]]:
    """Import handlers in a fresh interpreter with an empty environment; return what heavy packages came with each."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_QUIETLY, *names],
        env={},
        cwd=os.sep,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded: dict[str, list[str]] = json.loads(done.stdout)
    return loaded


def test_folders_and_template_name_the_same_functions() -> None:
    assert sorted(path.parent.name for path in FOLDER.glob("*/handler.py")) == NAMES


@pytest.mark.parametrize("function", functions().values(), ids=lambda function: function.name)
def test_function_is_named_for_its_folder(function: Function) -> None:
    camel = "".join(word.capitalize() for word in function.name.split("_"))

    assert function.logical_id == f"{camel}Function"
    assert function.properties["Handler"] == f"{function.name}.handler.lambda_handler"


@pytest.mark.parametrize("name", NAMES)
def test_handler_is_short(name: str) -> None:
    routes = source(name).count("\n@api.")

    assert len(source(name).splitlines()) <= max(MAX_LINES, MAX_LINES_A_ROUTE * routes)


@pytest.mark.parametrize("name", NAMES)
def test_function_knows_neither_the_database_driver_nor_boto3(name: str) -> None:
    for path in (FOLDER / name).glob("*.py"):
        assert not imported(ast.parse(path.read_text())) & {"boto3", "botocore", "psycopg"}, path.name


@pytest.mark.parametrize("name", NAMES)
def test_lambda_handler_says_its_trigger_and_what_a_raise_leads_to(name: str) -> None:
    (handler,) = (
        node
        for node in ast.parse(source(name)).body
        if isinstance(node, ast.FunctionDef) and node.name == "lambda_handler"
    )
    docstring = inspect.cleandoc(ast.get_docstring(handler) or "")

    assert "Trigger: " in docstring
    assert re.search(r"\b(raise|error) ", docstring)


def test_handlers_import_without_environment_and_network() -> None:
    assert sorted(import_handlers(*NAMES)) == NAMES


def test_handlers_import_without_boto3_which_is_loaded_at_first_use() -> None:
    loaded = import_handlers(*NAMES)

    assert {name: packages for name, packages in loaded.items() if "boto3" in packages} == {}


def test_handlers_import_without_what_only_some_requests_need() -> None:
    heavy = {"jwt", "mcp", "langgraph"}
    loaded = {name: import_handlers(name)[name] for name in ("mcp_server", "agent_api", "manage_board")}

    assert {name: packages for name, packages in loaded.items() if heavy & set(packages)} == {}


def test_functions_of_connections_import_without_the_database_driver() -> None:
    loaded = import_handlers(*WITHOUT_DATABASE)

    assert {name: packages for name, packages in loaded.items() if "psycopg" in packages} == {}


def test_functions_of_the_database_do_import_its_driver() -> None:
    assert "psycopg" in import_handlers("create_job")["create_job"]


def sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return event


def test_sample_events_are_one_a_function() -> None:
    assert sorted(path.stem for path in EVENTS.glob("*.json")) == NAMES


@pytest.mark.parametrize("name", [name for name in NAMES if functions()[name].routes])
def test_sample_http_event_comes_through_a_route_of_the_function(name: str) -> None:
    event = sample(name)
    if "requestContext" not in event:
        pytest.fail(f"{name} has routes, but its sample is not a request")
    method, path = event["requestContext"]["http"]["method"], event["rawPath"]

    ranked = [route for route in functions()[name].routes if route.rank(method, path)]

    assert event["routeKey"] in {f"{route.method} {route.path}" for route in ranked}
    assert event["version"] == "2.0"
    assert all(key.islower() for key in event["headers"])
    has_claims = "authorizer" in event["requestContext"]
    assert has_claims is not any(route.is_public for route in ranked)


@pytest.mark.parametrize("name", [name for name in NAMES if any(functions()[name].events("SQS"))])
def test_sample_batch_holds_json_of_the_functions_queue(name: str) -> None:
    (trigger,) = functions()[name].events("SQS")
    queue, _ = trigger["Queue"]["Fn::GetAtt"]
    records = sample(name)["Records"]

    assert records
    for record in records:
        assert record["eventSource"] == "aws:sqs"
        assert queue in record["eventSourceARN"]
        assert isinstance(json.loads(record["body"]), dict)


@pytest.mark.parametrize(
    "name",
    [name for name, function in functions().items() if any(function.events("ScheduleV2")) and not function.routes],
)
def test_sample_of_a_scheduled_function_is_what_the_scheduler_sends(name: str) -> None:
    event = sample(name)

    assert (event["source"], event["detail-type"]) == ("aws.scheduler", "Scheduled Event")
