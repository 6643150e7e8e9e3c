"""Events as Lambda receives them, and calling a handler with one."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from aws_lambda_powertools.utilities.typing import LambdaContext

ALICE = {"sub": "user-alice", "username": "alice", "token_use": "access", "cognito:groups": "[tenant:alice]"}
BOB = {"sub": "user-bob", "username": "bob", "token_use": "access", "cognito:groups": "[tenant:bob]"}
ADMIN = {
    "sub": "user-admin",
    "username": "admin",
    "token_use": "access",
    "cognito:groups": "[tenant:alice admins]",
}


class Context(LambdaContext):
    """What Lambda passes as context."""

    _function_name = "test"
    _function_version = "$LATEST"
    _invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:test"
    _memory_limit_in_mb = 256

    def __init__(self) -> None:
        self._aws_request_id = str(uuid4())

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 30_000


@dataclass(frozen=True)
class Answer:
    """An HTTP answer of a handler."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text) if self.text else None


def http_event(
    method: str,
    path: str,
    *,
    body: Any = None,
    raw_body: str | None = None,
    claims: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Make an API Gateway payload 2.0 event; `claims` is what the JWT authorizer verified."""
    context: dict[str, Any] = {
        "accountId": "123456789012",
        "apiId": "api",
        "domainName": "api.example.test",
        "http": {
            "method": method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": "192.0.2.1",
            "userAgent": "test",
        },
        "requestId": str(uuid4()),
        "routeKey": f"{method} {path}",
        "stage": "$default",
        "time": "23/Nov/2026:08:00:00 +0000",
        "timeEpoch": 1795420800000,
    }
    if claims is not None:
        context["authorizer"] = {"jwt": {"claims": dict(claims), "scopes": None}}
    text = raw_body if raw_body is not None else (None if body is None else json.dumps(body))
    return {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": "&".join(f"{k}={v}" for k, v in (query or {}).items()),
        "queryStringParameters": dict(query or {}),
        "headers": {"content-type": "application/json", **{k.lower(): v for k, v in (headers or {}).items()}},
        "requestContext": context,
        "body": text,
        "isBase64Encoded": False,
    }


def call_http(handler: Callable[[dict[str, Any], Any], dict[str, Any]], method: str, path: str, **parts: Any) -> Answer:
    """Call an HTTP handler and return its answer."""
    answer = handler(http_event(method, path, **parts), Context())
    return Answer(answer["statusCode"], answer.get("headers") or {}, answer.get("body") or "")


def sqs_event(*bodies: Any) -> dict[str, Any]:
    """Make the event of one batch; message ids are `message-0`, `message-1`, ..."""
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": "handle",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1795420800000"},
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:queue",
                "awsRegion": "eu-central-1",
            }
            for number, body in enumerate(bodies)
        ]
    }


def websocket_event(
    route: str, connection_id: str, *, body: Any = None, query: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Make an event of the WebSocket API: route is $connect, $disconnect or $default; a str body is sent as it is."""
    return {
        "requestContext": {
            "routeKey": route,
            "eventType": {"$connect": "CONNECT", "$disconnect": "DISCONNECT"}.get(route, "MESSAGE"),
            "connectionId": connection_id,
            "requestId": str(uuid4()),
            "domainName": "ws.example.test",
            "stage": "live",
            "apiId": "ws",
            "connectedAt": 1795420800000,
            "identity": {"sourceIp": "192.0.2.1"},
        },
        "queryStringParameters": dict(query) if query else None,
        "body": body if isinstance(body, str) or body is None else json.dumps(body),
        "isBase64Encoded": False,
    }
