"""The shared package: where code may lie, where SQL may stand, how migrations and errors are named."""

import ast
import importlib
import json
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import callboard
from callboard import migrations
from callboard.errors import ServiceError
from callboard.http import status_of
from support.template import ROOT, template

PACKAGE = Path(callboard.__file__).parent
MIGRATIONS = ROOT / "infra" / "migrations"
CODES = Path(__file__).parent / "error_codes.json"

NOUN_FILES = {"__init__.py", "models.py", "service.py", "repository.py", "events.py", "errors.py"}
# What a noun has beside the usual files, and why.
MORE_FILES = {
    "agents": {
        "assistants.py": "what each built-in agent takes, is told and may call",
        "checkpoints.py": "the library's tables on our connection",
        "control.py": "tools that steer an agent rather than the board",
        "graph.py": "what an agent is, as LangGraph knows it",
        "items.py": "the part of the service that the store's routes run",
        "memories.py": "what an agent begins with",
        "model.py": "one adapter: the language model",
        "nodes.py": "the graph's nodes",
        "prompts.py": "what the model is told",
        "sizes.py": "how much a model reads and a state holds",
        "snapshots.py": "states as the SDK shows them",
        "state.py": "what the graph keeps between its steps",
        "steps.py": "the part of the service that run_agent_step runs",
        "streams.py": "following a run as the SDK does",
        "toolbox.py": "carrying out the model's calls, each once",
        "waking.py": "the part of the service that wake_agent and sweep_jobs run",
    },
    "connections": {
        "conversation.py": "the part of the service that ws_message runs",
        "recovery.py": "the part of the service that sends what a follower missed",
        "client.py": "what programs that follow from outside use",
        "ordering.py": "the order that the clients restore",
    },
    "events": {"messages.py": "the form of events on a WebSocket"},
    "jobs": {
        "requests.py": "request headers that several routes share",
        "client.py": "what programs elsewhere use",
        "submission.py": "the part of the service that submit_job runs",
        "checks.py": "the part of the service that check_job runs",
        "reports.py": "the part of the service that update_job_status runs",
        "sweep.py": "the part of the service that sweep_jobs runs",
    },
    "mcp": {
        "catalog.py": "built-in and registered tools, listed and called in one way",
        "invocation.py": "one adapter: functions that are tools",
        "registrations.py": "the part of the service that manage_tools runs",
        "registry.py": "what tools are built in, and calling one",
        "schemas.py": "JSON Schemas of registered tools",
        "tools.py": "the built-in ones",
        "server.py": "the SDK's server for whatever is offered",
        "tasks.py": "the protocol's extension for long work",
        "job_tasks.py": "jobs as its tasks",
        "offers.py": "what Callboard offers through it",
        "prompts.py": "what clients can have their models told",
    },
    "providers": {
        "replicate.py": "one adapter a kind of service",
        "push.py": "one adapter a kind of service",
        "bedrock.py": "one adapter a kind of service",
        "refusals.py": "what services mean by a failure",
        "transport.py": "HTTP to services, shared by the adapters",
        "outputs.py": "fetching what a service made",
        "webhooks.py": "signatures of what services send",
    },
}
# database.py asks an old connection whether it lives.
SQL_FILES = {"repository.py", "migrations.py", "database.py"}
SQL = re.compile(
    r"\b(SELECT\s+\S|INSERT\s+INTO\s|UPDATE\s+\w+\s+(AS\s+\w+\s+|\w+\s+)?SET\s|DELETE\s+FROM\s"
    r"|(CREATE|ALTER|DROP)\s+(TABLE|INDEX|TYPE|DATABASE)\s)"
)


def statements(text: str) -> list[str]:
    """Return the string literals of a module that hold SQL; docstrings do not count."""
    tree = ast.parse(text)
    prose = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose
        if SQL.search(node.value)
    ]


def nouns() -> list[Path]:
    return sorted(path.parent for path in PACKAGE.glob("*/__init__.py"))


def error_classes() -> Iterator[type[ServiceError]]:
    """Yield every error of the domain that the product defines, wherever it is."""
    for module in pkgutil.walk_packages([str(PACKAGE)], "callboard."):
        importlib.import_module(module.name)
    functions = {path.parent.name for path in (ROOT / "functions").glob("*/handler.py")}
    for name in functions:
        importlib.import_module(f"{name}.handler")
    waiting = [ServiceError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.startswith("callboard.") or kind.__module__.partition(".")[0] in functions:
            yield kind


@pytest.mark.parametrize("folder", nouns(), ids=lambda folder: folder.name)
def test_noun_has_only_the_files_that_nouns_have(folder: Path) -> None:
    files = {path.name for path in folder.glob("*.py")}

    assert files <= NOUN_FILES | MORE_FILES.get(folder.name, {}).keys()


def test_exceptions_to_the_layout_exist() -> None:
    for noun, files in MORE_FILES.items():
        assert files.keys() <= {path.name for path in (PACKAGE / noun).glob("*.py")}, noun


def test_names_that_say_nothing_are_not_used() -> None:
    paths = [path for folder in (PACKAGE, ROOT / "functions", ROOT / "infra") for path in folder.rglob("*.py")]

    assert paths
    assert not [path for path in paths if path.stem in {"utils", "util", "common", "helpers", "misc"}]


@pytest.mark.parametrize(
    "text",
    [
        'Q = "SELECT 1"',
        'Q = """\nUPDATE generation_jobs SET status = 1"""',
        'Q = "UPDATE events AS e SET x = 1"',
        'db.execute("DELETE FROM events")',
        'Q = f"INSERT INTO {table} VALUES"',
    ],
)
def test_search_for_sql_finds_it(text: str) -> None:
    assert statements(text)


@pytest.mark.parametrize(
    "text", ['"""One UPDATE a move."""', 'M = "Select a card and UPDATE it"', 'M = "PATCH, DELETE"']
)
def test_search_for_sql_leaves_prose_alone(text: str) -> None:
    assert not statements(text)


def test_sql_stands_only_in_repositories_and_migrations() -> None:
    searched = [*PACKAGE.rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    with_sql = {path for path in searched if statements(path.read_text())}

    assert {path.name for path in with_sql} == SQL_FILES, sorted(map(str, with_sql))


def test_migrations_are_numbered_without_a_gap() -> None:
    numbers = [int(path.name[:4]) for path in migrations.files(MIGRATIONS)]

    assert numbers == list(range(1, len(numbers) + 1))
    assert numbers


def test_template_deploys_the_newest_migration() -> None:
    newest = migrations.files(MIGRATIONS)[-1].name[:4]

    assert template()["Parameters"]["MigrationsVersion"]["Default"] == newest


@pytest.mark.parametrize("name", ["1_pre_x.sql", "0002_x.sql", "0002_during_x.sql", "0002_pre_X.sql"])
def test_migration_of_another_name_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("SELECT 1")

    with pytest.raises(ValueError, match="not a migration's name"):
        migrations.files(tmp_path)


def test_two_migrations_of_one_number_are_refused(tmp_path: Path) -> None:
    (tmp_path / "0001_pre_a.sql").write_text("SELECT 1")
    (tmp_path / "0001_pre_b.sql").write_text("SELECT 1")

    with pytest.raises(ValueError, match="0001_pre_b"):
        migrations.files(tmp_path)


def test_error_codes_are_each_of_one_class() -> None:
    owners: dict[str, list[str]] = {}
    for kind in error_classes():
        if "code" in vars(kind):
            owners.setdefault(kind.code, []).append(f"{kind.__module__}.{kind.__name__}")

    assert {code: kinds for code, kinds in owners.items() if len(kinds) > 1} == {}


def test_error_codes_and_statuses_are_the_ones_that_clients_know() -> None:
    current = {kind.code: int(status_of(kind("message"))) for kind in error_classes()}

    assert current == json.loads(CODES.read_text()), "a code that clients know changed, or a new one is not listed"


def test_every_error_says_in_its_docstring_what_is_wrong() -> None:
    for kind in error_classes():
        assert re.fullmatch(r"[A-Z][A-Z_]+", kind.code), kind.__name__
        assert kind.__name__.endswith("Error"), kind.__name__
        assert kind().message, kind.__name__


def test_import_rules_cover_every_function() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    names = {path.parent.name for path in (ROOT / "functions").glob("*/handler.py")}

    assert set(settings["root_packages"]) == names | {"callboard", "callboard_local"}
    for contract in settings["contracts"]:
        for key in ("source_modules", "modules", "forbidden_modules", "allowed_importers"):
            listed = set(contract.get(key, ())) & names
            assert listed in (set(), names), f"{contract['name']}: {key} lacks {names - listed}"
