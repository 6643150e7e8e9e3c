"""Asking the running stack over HTTP, as any client would."""

import json
from typing import Any
from urllib.parse import urlencode

import urllib3

from callboard_local.errors import StackError

TIMEOUT_SECONDS = 35.0


def get(base_url: str, path: str, token: str | None = None, **query: str | None) -> Any:
    """Return the JSON answer to a GET.

    Raises:
        StackError: The stack does not answer, or with an error; the message holds the error's own.
    """
    status, body = request(base_url, path, token, **query)
    if status >= 400:
        error = body.get("error", {}) if isinstance(body, dict) else {}
        fields = (error.get("details") or {}).get("fields") or []
        wrong = "".join(f" {field['field']}: {field['message']}." for field in fields)
        raise StackError(f"{error.get('code', status)}: {error.get('message', body)}{wrong}")
    return body


def request(base_url: str, path: str, token: str | None = None, **query: str | None) -> tuple[int, Any]:
    """Return status and JSON body of a GET, whatever the status.

    Raises:
        StackError: The stack does not answer, or not with JSON.
    """
    asked = urlencode({name: value for name, value in query.items() if value is not None})
    headers = {"authorization": f"Bearer {token}"} if token else {}
    url = f"{base_url}{path}" + (f"?{asked}" if asked else "")
    try:
        answer = urllib3.request("GET", url, headers=headers, retries=False, timeout=TIMEOUT_SECONDS)
        return answer.status, json.loads(answer.data)
    except urllib3.exceptions.HTTPError as error:
        raise StackError(f"The stack does not answer at {base_url}: {error}") from error
    except ValueError as error:
        raise StackError(f"{path} was answered with {answer.status} and no JSON.") from error
