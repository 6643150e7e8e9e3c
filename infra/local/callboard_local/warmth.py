"""Starting functions before anyone waits for them: each answers its sample event once."""

from concurrent.futures import ThreadPoolExecutor

from callboard_local import deployment, ministack
from callboard_local.paths import PROJECT

EVENTS = PROJECT / "infra" / "events"
# The way of a job, from the first request to the last message, and how many workers of each will be busy at once.
WORKERS = {
    "manage_board": 1,
    "issue_ticket": 1,
    "ws_connect": 1,
    "ws_message": 1,
    "create_job": 2,
    "submit_job": 2,
    "check_job": 2,
    "notify": 2,
    "update_job_status": 1,
    "manage_jobs": 1,
    "agent_api": 1,
    "run_agent_step": 1,
    "wake_agent": 1,
}
# More starts at once would only wait for each other.
AT_ONCE = 2


def warm_up(endpoint: str) -> None:
    """Invoke the functions on a job's way with their sample events, which ask for nothing that exists."""
    functions, names = ministack.client("lambda", endpoint), deployment.function_names(endpoint)

    def invoke(function: str) -> None:
        functions.invoke(FunctionName=names[function], Payload=(EVENTS / f"{function}.json").read_bytes())

    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        # Two of one function stand next to each other, so that they run at once and need a worker each.
        list(pool.map(invoke, [function for function, workers in WORKERS.items() for _ in range(workers)]))
