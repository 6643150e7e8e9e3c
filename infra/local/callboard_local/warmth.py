"""Starting functions before anyone waits for them: each answers its sample event once."""

from concurrent.futures import ThreadPoolExecutor

from callboard_local import deployment, ministack
from callboard_local.paths import PROJECT

EVENTS = PROJECT / "infra" / "events"
# The way of a job, from the first request to the last message. More than two at once would only wait for each other.
FUNCTIONS = (
    "manage_board",
    "issue_ticket",
    "ws_connect",
    "ws_message",
    "create_job",
    "submit_job",
    "check_job",
    "update_job_status",
    "notify",
    "manage_jobs",
)
AT_ONCE = 2


def warm_up(endpoint: str) -> None:
    """Invoke the functions on a job's way with their sample events, which ask for nothing that exists."""
    functions, names = ministack.client("lambda", endpoint), deployment.function_names(endpoint)

    def invoke(function: str) -> None:
        functions.invoke(FunctionName=names[function], Payload=(EVENTS / f"{function}.json").read_bytes())

    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        list(pool.map(invoke, FUNCTIONS))
