"""The AWS emulator: MiniStack, without Docker, on a free port of 127.0.0.1."""

import sys
from typing import Any

import boto3
import urllib3

from callboard_local import processes
from callboard_local.paths import StackPaths

REGION = "us-east-1"
# Read by callboard_local.emulator, which loads what only its own process needs.
MODEL_SETTING = "CALLBOARD_EMULATOR_MODEL"
ACCOUNT = "000000000000"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
}


def start(paths: StackPaths, port: int, model_url: str, model: str) -> str:
    """Start the emulator with nothing in it, its Bedrock asking a model of the server; return its endpoint URL."""
    settings = {
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "STATE_DIR": str(paths.run / "ministack-state"),
        "S3_DATA_DIR": str(paths.run / "ministack-s3"),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",
        # Throttled functions burn receives of their SQS messages; workers are bounded by their mappings instead.
        "LAMBDA_ACCOUNT_CONCURRENCY": "200",
        "LAMBDA_WARM_TTL_SECONDS": "120",
        # An answer in OpenAI's form from there becomes one of Converse.
        "MINISTACK_BEDROCK_PROXY_URL": model_url,
        "MINISTACK_BEDROCK_PROXY_TIMEOUT_SECONDS": "100",
        MODEL_SETTING: model,
        "LOG_LEVEL": "WARNING",
        # Workers inherit it: tests arm crash points by writing this file.
        "CRASH_POINTS_FILE": str(paths.crash_points_file),
        **CREDENTIALS,
    }
    process = processes.start(paths, "ministack", [sys.executable, "-m", "callboard_local.emulator"], settings)
    endpoint = f"http://127.0.0.1:{port}"
    processes.wait_until(paths, "ministack", process, lambda: _healthy(endpoint), 60)
    return endpoint


def client(service: str, endpoint: str) -> Any:
    """Return a boto3 client for the emulator."""
    session: Any = boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
    return session.client(service, endpoint_url=endpoint)


def _healthy(endpoint: str) -> bool:
    try:
        answer = urllib3.request("GET", f"{endpoint}/_ministack/health", retries=False, timeout=2.0)
    except urllib3.exceptions.HTTPError:
        return False
    return answer.status == 200
