"""The local stack as a whole: up, down, and where everything is."""

import base64
import fcntl
import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from callboard_local import (
    deployment,
    forwarder,
    identities,
    ministack,
    model_server,
    postgres,
    processes,
    queues,
    warmth,
)
from callboard_local.artifacts import newest_migration
from callboard_local.errors import StackError, StackNotRunningError
from callboard_local.paths import StackPaths
from callboard_local.planner.chat import MODEL

DATABASE_SECRET = "callboard/database-url"
AGENTS_DATABASE_SECRET = "callboard/agents-database-url"
TOKEN_SECRET = "callboard/provider-token"
WEBHOOK_SECRET = "callboard/provider-webhook"
# Callbacks tell at once; the check is what happens when none comes.
CHECK_INTERVAL_SECONDS = "1"
# Workers are processes of this machine: more than its processors only start each other more slowly.
WORKER_CONCURRENCY = "2"
# The planner answers at once, so a step that is not done by then has died. Another model may think for long.
AGENT_VISIBILITY_SECONDS = "10"

type Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Stack:
    """Where a running stack's parts are; the content of stack.json."""

    http: str
    websocket: str
    mcp: str
    agents: str
    board: str
    database_url: str
    aws_endpoint_url: str
    webhook_secret: str
    generator_url: str
    generator_token: str
    model_url: str
    model_name: str
    # None if another server stands in for the planner.
    planner_port: int | None
    user_pool_id: str
    user_pool_client_id: str
    assets_bucket: str
    connections_table: str
    event_bus: str
    queues: dict[str, str]
    crash_points_file: str
    region: str
    stack_name: str

    def token(self, paths: StackPaths, user: str) -> str:
        """Sign a local user in and return the access token.

        Raises:
            StackError: There is no such user.
        """
        passwords: dict[str, str] = json.loads(paths.users_file.read_text())
        if user not in passwords:
            raise StackError(f"There is no local user {user}; there are {', '.join(passwords)}.")
        return identities.access_token(self.aws_endpoint_url, self.user_pool_client_id, user, passwords[user])

    def check_model(self) -> None:
        """Make sure that the model server answers.

        Raises:
            StackError: It does not; the message says so.
        """
        model_server.models(self.model_url)

    def ports(self) -> list[int]:
        """Return the ports that the stack's parts listen on."""
        ports = (urlsplit(url).port for url in (self.aws_endpoint_url, self.database_url, self.generator_url))
        return [port for port in (*ports, self.planner_port) if port is not None]


def running(paths: StackPaths) -> Stack:
    """Return the running stack.

    Raises:
        StackNotRunningError: There is none.
    """
    try:
        stack = Stack(**json.loads(paths.stack_file.read_text()))
    except (FileNotFoundError, TypeError, ValueError) as error:
        raise StackNotRunningError from error
    if not processes.listens(int(stack.aws_endpoint_url.rpartition(":")[2])):
        raise StackNotRunningError
    return stack


def up(paths: StackPaths, progress: Progress, bind: str | None = None) -> Stack:
    """Start the stack from nothing, or bring a running one to the current sources.

    The database and the emulator are fresh at each start: the emulator keeps its state in memory, and half of a state
    is none. What a failed start leaves behind is stopped.

    Raises:
        StackError: Something did not start; the message says what and why.
    """
    if bind:
        forwarder.check(bind)
    model_server.wanted_url()
    with _alone(paths):
        try:
            stack = running(paths)
        except StackNotRunningError:
            processes.stop_all(paths)
        else:
            _require_same_model(stack)
            if stack.planner_port is None:
                stack.check_model()
            ports = stack.ports()
            if all(processes.listens(port) for port in ports):
                progress("deploying the current sources to the running stack")
                parameters = _parameters(stack.generator_url, planned=stack.planner_port is not None)
                deployment.deploy(stack.aws_endpoint_url, parameters)
                if bind:
                    forwarder.start(paths, bind, ports)
                return stack
            progress("a part of the stack has died; starting anew")
            down(paths)
        try:
            return _start(paths, progress, bind)
        except BaseException:
            down(paths)
            raise


@contextmanager
def _alone(paths: StackPaths) -> Iterator[None]:
    """Let one start at a time happen: a second would take the first one's processes for left-overs."""
    paths.root.mkdir(parents=True, exist_ok=True)
    # The folder itself is locked: a file for that would stay behind, or be deleted under whoever waits for it.
    lock = os.open(paths.root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StackError("This stack is being started already; wait for that, or stop it: `make down`.") from error
        yield
    finally:
        os.close(lock)


def _start(paths: StackPaths, progress: Progress, bind: str | None) -> Stack:
    model_url, model_name, planner_port = model_server.wanted_url(), MODEL, None
    if model_url is not None:
        model_name = model_server.choose(model_url)
    shutil.rmtree(paths.run, ignore_errors=True)
    (paths.run / "tmp").mkdir(parents=True)
    postgres_port, ministack_port, generator_port = (processes.free_port() for _ in range(3))
    webhook_secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    generator_token = secrets.token_urlsafe(24)

    progress("starting PostgreSQL")
    database_url = postgres.start(paths, postgres_port)
    progress("starting the generation service")
    generator_url = _start_generator(paths, generator_port, generator_token, webhook_secret)
    if model_url is None:
        progress("starting the scripted planner")
        planner_port = processes.free_port()
        model_url = _start_planner(paths, planner_port)
    progress("starting the AWS emulator")
    endpoint = ministack.start(paths, ministack_port, model_url, model_name)
    vault = ministack.client("secretsmanager", endpoint)
    vault.create_secret(Name=DATABASE_SECRET, SecretString=database_url)
    vault.create_secret(Name=AGENTS_DATABASE_SECRET, SecretString=postgres.agents_url(database_url))
    vault.create_secret(Name=TOKEN_SECRET, SecretString=generator_token)
    vault.create_secret(Name=WEBHOOK_SECRET, SecretString=webhook_secret)

    progress("deploying template.yaml")
    deployed = deployment.deploy(endpoint, _parameters(generator_url, planned=planner_port is not None))
    progress("making the local users")
    identities.create_users(endpoint, deployed["UserPoolId"], paths.users_file)
    http = deployed["HttpApiUrl"].rstrip("/")
    stack = Stack(
        http=http,
        websocket=deployed["WebSocketUrl"],
        mcp=f"{http}/mcp",
        agents=f"{http}/agents",
        board=f"{http}/",
        database_url=database_url,
        aws_endpoint_url=endpoint,
        webhook_secret=webhook_secret,
        generator_url=generator_url,
        generator_token=generator_token,
        model_url=model_url,
        model_name=model_name,
        planner_port=planner_port,
        user_pool_id=deployed["UserPoolId"],
        user_pool_client_id=deployed["UserPoolClientId"],
        assets_bucket=deployed["AssetsBucketName"],
        connections_table=deployed["ConnectionsTableName"],
        event_bus=deployed["EventBusName"],
        queues={name: deployed[output] for name, output in queues.OUTPUTS.items()},
        crash_points_file=str(paths.crash_points_file),
        region=ministack.REGION,
        stack_name=deployment.STACK_NAME,
    )
    progress("warming the functions up")
    warmth.warm_up(endpoint)
    if bind:
        forwarder.start(paths, bind, stack.ports())
    _write_atomically(paths.stack_file, json.dumps(asdict(stack), indent=2))
    return stack


def _start_generator(paths: StackPaths, port: int, token: str, webhook_secret: str) -> str:
    process = processes.start(
        paths,
        "generator",
        [sys.executable, "-m", "callboard_local.generator", "--port", str(port)],
        {"GENERATOR_TOKEN": token, "GENERATOR_WEBHOOK_SECRET": webhook_secret},
    )
    processes.wait_until(paths, "generator", process, lambda: processes.listens(port), 30)
    return f"http://127.0.0.1:{port}"


def _start_planner(paths: StackPaths, port: int) -> str:
    process = processes.start(paths, "planner", [sys.executable, "-m", "callboard_local.planner", "--port", str(port)])
    processes.wait_until(paths, "planner", process, lambda: processes.listens(port), 30)
    return f"http://127.0.0.1:{port}"


def _require_same_model(stack: Stack) -> None:
    """Refuse to go on with a stack that asks another model: its emulator was told at its start."""
    url, name = model_server.wanted_url(), model_server.wanted_name()
    if url not in {None, stack.model_url} or name not in {None, stack.model_name}:
        raise StackError(
            f"The running stack asks the model {stack.model_name} at {stack.model_url}; stop it first: `make down`."
        )


def _parameters(generator_url: str, *, planned: bool) -> dict[str, str]:
    common = {"token_secret": TOKEN_SECRET, "webhook_secret": WEBHOOK_SECRET, "output_hosts": ["127.0.0.1"]}
    providers = [
        {"name": "replicate", "kind": "replicate", "base_url": generator_url, **common},
        {"name": "push", "kind": "push", "base_url": f"{generator_url}/push", **common},
    ]
    return {
        "Environment": "local",
        "DatabaseUrlSecret": DATABASE_SECRET,
        "AgentsDatabaseUrlSecret": AGENTS_DATABASE_SECRET,
        **({"AgentQueueVisibilitySeconds": AGENT_VISIBILITY_SECONDS} if planned else {}),
        "Providers": json.dumps(providers),
        "CheckIntervalSeconds": CHECK_INTERVAL_SECONDS,
        "WorkerConcurrency": WORKER_CONCURRENCY,
        "MigrationsVersion": newest_migration(),
    }


def down(paths: StackPaths) -> int:
    """Stop everything that belongs to the stack and remove its data; return how many processes there were."""
    paths.stack_file.unlink(missing_ok=True)
    stopped = processes.stop_all(paths)
    paths.users_file.unlink(missing_ok=True)
    # A process that was killed just now may still hold a file for a moment.
    for _ in range(20):
        shutil.rmtree(paths.run, ignore_errors=True)
        if not paths.run.exists():
            break
        time.sleep(0.1)
    return stopped


def _write_atomically(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.draft")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)
