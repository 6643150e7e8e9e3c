"""Deploying the suite's function beside the product's, behind an HTTP API of its own."""

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from callboard_local import artifacts, deployment, ministack
from callboard_local.stack import Stack

NAME = "callboard-conformance"
SETTINGS = ("Runtime", "Role", "Timeout", "MemorySize")


@contextmanager
def deployed(stack: Stack, origins: list[str], card_id: str) -> Iterator[str]:
    """Deploy the function with the settings of the product's; yield its URL, and remove it at the end."""
    endpoint = stack.aws_endpoint_url
    functions, gateway = ministack.client("lambda", endpoint), ministack.client("apigatewayv2", endpoint)
    product = functions.get_function_configuration(FunctionName=deployment.function_names(endpoint)["mcp_server"])
    variables = product["Environment"]["Variables"] | {
        "MCP_ALLOWED_ORIGINS": ",".join(origins),
        "SUITE_CARD_ID": card_id,
    }
    made = functions.create_function(
        FunctionName=NAME,
        Handler="conformance.function.lambda_handler",
        Code={"ZipFile": _code()},
        Environment={"Variables": variables},
        Layers=[layer["Arn"] for layer in product["Layers"]],
        **{name: product[name] for name in SETTINGS},
    )
    api = gateway.create_api(Name=NAME, ProtocolType="HTTP")["ApiId"]
    try:
        integration = gateway.create_integration(
            ApiId=api,
            IntegrationType="AWS_PROXY",
            IntegrationUri=made["FunctionArn"],
            PayloadFormatVersion="2.0",
        )["IntegrationId"]
        gateway.create_route(ApiId=api, RouteKey="ANY /mcp", Target=f"integrations/{integration}")
        gateway.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
        yield f"{endpoint}/_aws/execute-api/{api}/mcp"
    finally:
        gateway.delete_api(ApiId=api)
        functions.delete_function(FunctionName=NAME)


def _code() -> bytes:
    """Add the suite's modules to the functions' folder."""
    buffer = io.BytesIO(artifacts.functions())
    with zipfile.ZipFile(buffer, "a") as archive:
        for path in sorted(Path(__file__).parent.glob("*.py")):
            archive.write(path, f"conformance/{path.name}")
    return buffer.getvalue()
