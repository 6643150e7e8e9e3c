"""boto3 clients, one a service and execution environment, made at first use."""

from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_servicediscovery import ServiceDiscoveryClient
    from mypy_boto3_sqs import SQSClient


# Nothing comes of a model's answer before the whole of it does.
MODEL_READ_SECONDS = 90.0

_MAKING = Lock()


def _client(service: str, *, pool: int = 10, read_timeout: float = 10, tries: int = 4, **options: Any) -> Any:
    import boto3  # noqa: PLC0415  # a function that sends nothing does not pay for it
    from botocore.config import Config  # noqa: PLC0415

    config = Config(
        connect_timeout=3,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": tries},
        max_pool_connections=pool,
        tcp_keepalive=True,
        signature_version="s3v4" if service == "s3" else None,
    )
    # One session for all, so that its data files are read once; making clients from it is not safe in threads.
    make: Any = boto3.client
    with _MAKING:
        return make(service, config=config, **options)


def failures() -> tuple[type[Exception], ...]:
    """Return what a call to AWS may raise, for an except clause: no connection, or an error as the answer."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    return BotoCoreError, ClientError


def error_of(error: Exception) -> tuple[str | None, str]:
    """Return the code and the message of an error that is an answer of AWS; no code for one without an answer."""
    answer: Any = getattr(error, "response", None)
    told = answer.get("Error", {}) if isinstance(answer, dict) else {}
    code: str | None = told.get("Code")
    return code, str(told.get("Message") or code or type(error).__name__)


def unreached() -> tuple[type[Exception], ...]:
    """Return what a call to AWS raises that no service has seen, for an except clause."""
    from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, NoCredentialsError  # noqa: PLC0415

    return ConnectTimeoutError, EndpointConnectionError, NoCredentialsError


def late_answers() -> tuple[type[Exception], ...]:
    """Return what a call to AWS raises whose answer does not come in time, for an except clause."""
    from botocore.exceptions import ReadTimeoutError  # noqa: PLC0415

    return (ReadTimeoutError,)


@lru_cache(maxsize=1)
def sqs() -> "SQSClient":
    """Return the SQS client."""
    client: SQSClient = _client("sqs")
    return client


@lru_cache(maxsize=2)
def bedrock_runtime(region: str) -> Any:
    """Return the client of Bedrock's models in a region, the function's own if empty.

    It does not ask again by itself: an answer that was late is paid for all the same.
    """
    return _client("bedrock-runtime", read_timeout=MODEL_READ_SECONDS, tries=1, region_name=region or None)


@lru_cache(maxsize=8)
def bedrock_media(region: str) -> "BedrockRuntimeClient":
    """Return the client that starts and reads Bedrock's asynchronous invocations in a region, the stack's own if empty.

    It does not ask again by itself: whoever submits decides that.
    """
    client: BedrockRuntimeClient = _client("bedrock-runtime", read_timeout=20, tries=1, region_name=region or None)
    return client


@lru_cache(maxsize=1)
def eventbridge() -> "EventBridgeClient":
    """Return the EventBridge client."""
    client: EventBridgeClient = _client("events")
    return client


@lru_cache(maxsize=1)
def s3() -> "S3Client":
    """Return the S3 client."""
    client: S3Client = _client("s3", pool=32)
    return client


@lru_cache(maxsize=1)
def dynamodb() -> "DynamoDBClient":
    """Return the DynamoDB client."""
    client: DynamoDBClient = _client("dynamodb", pool=32)
    return client


@lru_cache(maxsize=4)
def websocket_management(endpoint_url: str) -> "ApiGatewayManagementApiClient":
    """Return the client that posts to the connections of the WebSocket API behind this endpoint."""
    client: ApiGatewayManagementApiClient = _client("apigatewaymanagementapi", pool=64, endpoint_url=endpoint_url)
    return client


@lru_cache(maxsize=1)
def servicediscovery() -> "ServiceDiscoveryClient":
    """Return the Cloud Map client."""
    client: ServiceDiscoveryClient = _client("servicediscovery")
    return client


@lru_cache(maxsize=1)
def cognito() -> "CognitoIdentityProviderClient":
    """Return the client of Cognito's user pools."""
    client: CognitoIdentityProviderClient = _client("cognito-idp")
    return client


@lru_cache(maxsize=1)
def functions(read_timeout: float) -> "LambdaClient":
    """Return the client that invokes functions and waits so many seconds for an answer.

    It does not ask again by itself: a function whose answer was late may have done its work all the same.
    """
    client: LambdaClient = _client("lambda", read_timeout=read_timeout, tries=1)
    return client
