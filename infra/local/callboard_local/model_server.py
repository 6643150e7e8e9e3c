"""The server that the local stack's Bedrock asks instead of the scripted planner, if the environment names one."""

import json
import os
from urllib.parse import urlsplit

import urllib3

from callboard_local.errors import StackError

# Names an OpenAI-compatible server, such as Ollama.
URL_VARIABLE = "CALLBOARD_MODEL_URL"
# Names one of its models; needed where it has several.
NAME_VARIABLE = "CALLBOARD_MODEL"
ANSWER_SECONDS = 5.0
MAX_NAMES = 10


def wanted_url() -> str | None:
    """Return the base URL of the server that is to be used instead of the planner, if any.

    Raises:
        StackError: It is no URL, or there is none of the server whose model is named.
    """
    # Such servers are often named by the URL of their API; the emulator adds the version itself.
    url = os.environ.get(URL_VARIABLE, "").strip().rstrip("/").removesuffix("/v1")
    if not url and wanted_name():
        raise StackError(f"{NAME_VARIABLE} names a model of another server; say where that is by {URL_VARIABLE}.")
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise StackError(f"{URL_VARIABLE} must be the URL of a server, such as http://127.0.0.1:11434.")
    return url


def wanted_name() -> str | None:
    """Return the name of the model that is to be asked, if one is given."""
    return os.environ.get(NAME_VARIABLE, "").strip() or None


def models(url: str) -> list[str]:
    """Return the names of a server's models, as far as it lists them.

    Raises:
        StackError: No server answers there, or it says that it cannot.
    """
    try:
        answer = urllib3.request("GET", f"{url}/v1/models", retries=False, timeout=ANSWER_SECONDS)
    except urllib3.exceptions.HTTPError as error:
        raise StackError(f"No model server answers at {url}.") from error
    if answer.status >= 500 or answer.status in {401, 403}:
        raise StackError(f"The model server at {url} answers {answer.status}.")
    try:
        return [str(model["id"]) for model in json.loads(answer.data)["data"]]
    except (ValueError, LookupError, TypeError):
        # Not every server has this list; whether it has the model shows when it is asked.
        return []


def choose(url: str) -> str:
    """Return the name of the server's model that is to be asked.

    Raises:
        StackError: No server answers there, it has no such model, or it is not said which.
    """
    known, wanted = models(url), wanted_name()
    listed = ", ".join(known[:MAX_NAMES]) + (", ..." if len(known) > MAX_NAMES else "")
    if wanted is None:
        if len(known) == 1:
            return known[0]
        told = f"has several models: {listed}" if known else "does not list its models"
        raise StackError(f"The model server at {url} {told}. Say which is to be asked by {NAME_VARIABLE}.")
    # Ollama takes a name without its tag.
    if known and wanted not in {name for each in known for name in (each, each.partition(":")[0])}:
        raise StackError(f"The model server at {url} has no model {wanted} ({NAME_VARIABLE}); it has {listed}.")
    return wanted
