"""The command line of the local stack: `callboard --help`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

import typer

from callboard_local.errors import StackError
from callboard_local.paths import default_paths
from callboard_local.queues import NAMES

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from callboard_local.stack import Stack

# Of a line of a table. No terminal is so wide; a line that is too long for one goes on in its next.
MAX_WIDTH = 1000

app = typer.Typer(
    name="callboard",
    help="Callboard on this machine: PostgreSQL, an AWS emulator and a stand-in generation service, without Docker.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
machine = typer.Typer(help="Users for programs.", no_args_is_help=True)
app.add_typer(machine, name="machine")

# As in callboard.jobs.models, which takes a while to load.
type JobStatus = Literal["queued", "processing", "completed", "failed", "cancelled"]
UserOption = Annotated[str, typer.Option("--user", help="The local user that asks: alice, bob or admin.")]


def main() -> None:
    """Run the command line; what cannot be done is one readable message and exit code 1."""
    try:
        app()
    except StackError as error:
        _console(stderr=True).print(f"[bold red]callboard:[/] {_escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(1)


@app.command()
def up(
    bind: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Listen on this address too, such as a container bridge's."),
    ] = None,
    *,
    fresh: Annotated[bool, typer.Option("--fresh", help="Stop a running stack first and begin with no data.")] = False,
) -> None:
    """Start the stack, or deploy the current sources to a running one.

    A stack begins with no data: the emulator keeps users, pictures and queues in memory, so `down` forgets all of it.
    """
    from callboard_local import stack

    console, paths = _console(stderr=True), default_paths()
    if fresh:
        stack.down(paths)
    with console.status("starting") as spinner:

        def progress(step: str) -> None:
            spinner.update(step)
            if not console.is_terminal:
                console.print(step, highlight=False)

        running = stack.up(paths, progress, bind)
    _show(running)


@app.command()
def down() -> None:
    """Stop the stack: no process and no data of it stay behind. Logs and what demos made stay in .local."""
    from callboard_local import stack

    stopped = stack.down(default_paths())
    _console().print(f"Stopped; {stopped} processes ended." if stopped else "Nothing was running.", highlight=False)


@app.command()
def status() -> None:
    """Show processes, health and addresses. The exit code is 0 only if everything is healthy."""
    from rich.table import Table

    from callboard_local import api, stack, status

    paths = default_paths()
    running = stack.running(paths)
    table = Table("process", "count", "memory", box=None, pad_edge=False)
    for part in status.parts(paths):
        table.add_row(part.name, str(part.processes), f"{part.memory_bytes / 2**20:.0f} MB")
    _print(table)
    _show(running)
    _, health = api.request(running.http, "/health")
    checks = health.get("checks", {}) | status.servers(running)
    for name, state in checks.items():
        colour = "green" if state == status.HEALTHY else "red"
        _console().print(f"  {name:16} {_escape(state)}", style=colour, highlight=False, soft_wrap=True)
    if health.get("status") != status.HEALTHY or set(checks.values()) != {status.HEALTHY}:
        raise StackError("The stack is not healthy. Its logs are in .local/logs; `make down up` starts it anew.")


@app.command()
def token(user: UserOption = "alice") -> None:
    """Sign a local user in; print the access token."""
    sys.stdout.write(f"{_running().token(default_paths(), user)}\n")


@app.command()
def jobs(
    user: UserOption = "alice",
    status: Annotated[JobStatus | None, typer.Option(help="Only those that are so.")] = None,
    project: Annotated[UUID | None, typer.Option(metavar="ID", help="Only those of this project.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
) -> None:
    """List generation jobs, newest first."""
    from rich.table import Table

    found = _get("/api/jobs", user, status=status, project_id=str(project) if project else None, limit=str(limit))
    table = Table("job", "status", "provider", "try", "created", "error", box=None, pad_edge=False)
    for job in found["items"]:
        created = job["created_at"][11:19]
        failure = job["error_code"] or ""
        table.add_row(job["job_id"], job["status"], job["provider"], str(job["attempt"]), created, failure)
    if found["items"]:
        _print(table)
    else:
        _console().print("No jobs.")


@app.command()
def tail(
    card: Annotated[UUID, typer.Argument(metavar="CARD", help="Id of a card, or of a project for all its cards.")],
    user: UserOption = "alice",
    since: Annotated[int | None, typer.Option(metavar="OFFSET", help="Show first what came after this one.")] = None,
) -> None:
    """Follow a card live until interrupted."""
    import asyncio

    from callboard_local import following

    stack, console = _running(), _console()

    def show(text: str) -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    # A new token each time: a tail may outlive one.
    asyncio.run(following.follow(stack.http, lambda: stack.token(default_paths(), user), str(card), since, show))


@app.command()
def explain(
    job: Annotated[UUID, typer.Argument(metavar="JOB", help="The job's id.")], user: UserOption = "alice"
) -> None:
    """Say why a job is where it is."""
    console, explanation = _console(), _get(f"/api/jobs/{job}/explain", user)
    place = f", place {explanation['place']}" if explanation["place"] is not None else ""
    console.print(f"{explanation['status']}{place}", highlight=False)
    for reason in explanation["reasons"]:
        word = "at" if reason["code"] == "ended" else "until"
        moment = f" ({word} {reason['until']})" if reason["until"] else ""
        console.print(f"  {_escape(reason['message'])}{moment}", highlight=False)


@app.command()
def redrive(queue: Annotated[str, typer.Argument(metavar="QUEUE", help=f"One of {', '.join(NAMES)}.")]) -> None:
    """Move a queue's dead letters back to it."""
    from callboard_local import dead_letters

    stack = _running()
    moved = dead_letters.redrive(stack.aws_endpoint_url, stack.queues, queue)
    _console().print(f"{moved} messages moved back to {queue}.", highlight=False)


@app.command()
def logs(
    function: Annotated[str, typer.Argument(metavar="FUNCTION", help="The function's folder, such as create_job.")],
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines until interrupted.")] = False,
) -> None:
    """Show the log of a function."""
    from callboard_local import deployment, function_logs

    stack, console = _running(), _console()
    names = deployment.function_names(stack.aws_endpoint_url)
    if function not in names:
        raise StackError(f"There is no function {function}; there are {', '.join(sorted(names))}.")
    for line in function_logs.read(stack.aws_endpoint_url, names[function], follow=follow):
        fields = " ".join(f"{name}={value}" for name, value in line.fields.items() if value not in (None, ""))
        text = f"{line.time:%H:%M:%S.%f}"[:12] + f" {line.level:7} {line.message}  {fields}"
        colour = {"ERROR": "red", "CRITICAL": "red", "WARNING": "yellow", "": "dim"}.get(line.level)
        console.print(text.rstrip(), style=colour, highlight=False, markup=False, soft_wrap=True)


@machine.command("add")
def add_machine(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The program's user name.")],
    tenant: Annotated[str, typer.Option("--tenant", metavar="T", help="Whose projects it works on.")],
) -> None:
    """Make a user for a program; print the name of the secret that holds its password."""
    from callboard_local import identities

    stack = _running()
    sys.stdout.write(f"{identities.create_machine(stack.aws_endpoint_url, stack.user_pool_id, name, tenant)}\n")


@app.command()
def demo(
    brief: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Another brief, Markdown or YAML.", exists=True, dir_okay=False)
    ] = None,
    *,
    ask: Annotated[bool, typer.Option("--ask", help="Answer the agent's questions yourself.")] = False,
) -> None:
    """Have the agent produce the pictures of a brief, live; they land in .local/out.

    The stack is started if it does not run. The agent asks about one card; the demo answers by itself.
    """
    from callboard_local.demo.run import run

    run(default_paths(), _console(), brief, ask=ask)


def _running() -> "Stack":
    from callboard_local import stack

    return stack.running(default_paths())


def _get(path: str, user: str, **query: str | None) -> Any:
    from callboard_local import api

    stack = _running()
    return api.get(stack.http, path, stack.token(default_paths(), user), **query)


def _show(stack: "Stack") -> None:
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in {
        "board": stack.board,
        "HTTP API": stack.http,
        "WebSocket": stack.websocket,
        "MCP": stack.mcp,
        "agents": stack.agents,
        "database": stack.database_url,
        "AWS endpoint": stack.aws_endpoint_url,
        "generation": stack.generator_url,
        "model": f"{stack.model_name} at {stack.model_url}",
        "token": "callboard token --user alice",
    }.items():
        table.add_row(f"[bold]{name}[/]", _escape(value))
    _print(table)


def _print(table: "Table") -> None:
    """Print a table with nothing cut: ids and addresses are there to be copied, whatever the width of the terminal."""
    _console(width=MAX_WIDTH).print(table, highlight=False, soft_wrap=True)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _console(*, stderr: bool = False, width: int | None = None) -> "Console":
    from rich.console import Console

    return Console(stderr=stderr, width=width)
