"""Deploying template.yaml to the emulator, and making up for what the emulator lacks."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from callboard_local import artifacts, httpapi, ministack
from callboard_local.errors import StackError
from callboard_local.paths import PROJECT

TEMPLATE = PROJECT / "template.yaml"
STACK_NAME = "callboard-local"
CODE_BUCKET = "callboard-local-code"
DEPLOY_SECONDS = 120.0

# How the emulator's own address forms replace API Gateway's hosts, wherever Fn::Sub makes a URL of an API.
_GATEWAY_HOST = "${%s}.execute-api.${AWS::Region}.${AWS::URLSuffix}"
_POOL = "https://cognito-idp.${AWS::Region}.${AWS::URLSuffix}/${UserPool}"


@dataclass(frozen=True, slots=True)
class Deployment:
    """What came of a deployment."""

    outputs: dict[str, str]

    def __getitem__(self, name: str) -> str:
        """Return an output of the template."""
        return self.outputs[name]


def deploy(endpoint: str, parameters: dict[str, str]) -> Deployment:
    """Create the stack or update it to the current sources.

    Raises:
        StackError: CloudFormation refused or failed; the message holds its reasons.
    """
    template = translate(endpoint, parameters, upload_code(endpoint))
    cloudformation = ministack.client("cloudformation", endpoint)
    # Past 51,200 characters CloudFormation takes a template from a bucket only.
    url = _upload_template(endpoint, json.dumps(template, default=str).encode())
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    try:
        if _exists(cloudformation):
            cloudformation.update_stack(StackName=STACK_NAME, TemplateURL=url, Parameters=given)
        else:
            cloudformation.create_stack(StackName=STACK_NAME, TemplateURL=url, Parameters=given)
    except ClientError as error:
        if "No updates" not in str(error):
            raise StackError(f"CloudFormation refused the template: {str(error)[:500]}") from error
    outputs = _wait(cloudformation)
    _make_up(endpoint, template, cloudformation)
    return Deployment(outputs)


def translate(endpoint: str, parameters: dict[str, str], code: dict[str, str]) -> dict[str, Any]:
    """Turn template.yaml into what the emulator understands.

    Args:
        endpoint: The emulator's URL.
        parameters: Values of the template's parameters.
        code: Keys of the uploaded zip files: functions, migrate, layer.
    """
    source = yaml_parse(TEMPLATE.read_text())  # type: ignore[no-untyped-call]
    _point_at_code(source, code)
    _log_apart(source)
    _name_apis(source, endpoint)
    _bound_workers(source, parameters)
    # Our policies are spelled out or SAM's own; no list of AWS's managed ones is needed.
    translator = Translator({}, Parser(), boto_session=boto3.session.Session(region_name=ministack.REGION))
    template: dict[str, Any] = translator.translate(source, parameter_values=dict(parameters))
    template = httpapi.expand(template)
    local: dict[str, Any] = json.loads(_local_urls(json.dumps(template, default=str), endpoint))
    return local


def _bound_workers(source: dict[str, Any], parameters: dict[str, str]) -> None:
    """Write the bound of each queue's workers as a number: the emulator keeps a parameter's value as text and fails."""
    for resource in source["Resources"].values():
        for event in resource.get("Properties", {}).get("Events", {}).values():
            scaling = event["Properties"].get("ScalingConfig")
            if scaling and isinstance(scaling["MaximumConcurrency"], dict):
                scaling["MaximumConcurrency"] = int(parameters[scaling["MaximumConcurrency"]["Ref"]])


def _point_at_code(source: dict[str, Any], code: dict[str, str]) -> None:
    """Point functions and layers at uploaded code; the emulator's own interpreter has the dependencies."""

    def uri(kind: str) -> str:
        return f"s3://{CODE_BUCKET}/{code[kind]}"

    resources = source["Resources"]
    shared = source["Globals"]["Function"]
    shared["CodeUri"] = uri("functions")
    shared["Layers"] = [{"Ref": "CallboardLayer"}]
    # The emulator starts workers on its own machine, whatever their architecture.
    shared.pop("Architectures", None)
    for big in ("DependenciesLayer", "AgentsLayer", "PicturesLayer"):
        resources.pop(big)
    resources["CallboardLayer"]["Properties"]["ContentUri"] = uri("layer")
    for resource in resources.values():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        resource["Properties"].pop("Layers", None)
        if resource.get("Metadata", {}).get("BuildMethod"):
            resource["Properties"]["CodeUri"] = uri("migrate")


def _log_apart(source: dict[str, Any]) -> None:
    """Give each function the log group of its name: the emulator's streams do not name the function.

    Workers would inherit the level of the emulator itself, which waits 50 ms for a line of a silent function.
    """
    shared = source["Globals"]["Function"]
    shared.pop("LoggingConfig", None)
    shared["Environment"]["Variables"]["LOG_LEVEL"] = "INFO"


def _name_apis(source: dict[str, Any], endpoint: str) -> None:
    """Tell the functions the form of the emulator's addresses of APIs: a request's event does not show it."""
    source["Globals"]["Function"]["Environment"]["Variables"]["API_URL_FORM"] = f"{endpoint}/_aws/execute-api/{{api}}"


def _local_urls(text: str, endpoint: str) -> str:
    """Replace the URLs of the APIs, and of the user pool's keys, by those of the emulator."""
    address = endpoint.removeprefix("http://")
    path = f"{address}/_aws/execute-api"
    return (
        text.replace("https://" + _GATEWAY_HOST % "HttpApi", f"http://{path}/${{HttpApi}}")
        .replace("https://" + _GATEWAY_HOST % "WebSocketApi", f"http://{path}/${{WebSocketApi}}")
        .replace("wss://" + _GATEWAY_HOST % "WebSocketApi", f"ws://{path}/${{WebSocketApi}}")
        # The issuer keeps its name, which the tokens carry.
        .replace(_POOL + "/.well-known/", f"http://{address}/${{UserPool}}/.well-known/")
    )


def upload_code(endpoint: str) -> dict[str, str]:
    """Upload the zip files under the names of their contents; what is there already is left."""
    s3 = ministack.client("s3", endpoint)
    existing = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    if CODE_BUCKET not in existing:
        s3.create_bucket(Bucket=CODE_BUCKET)
    keys = {}
    for kind, content in {
        "functions": artifacts.functions(),
        "migrate": artifacts.migrate(),
        "layer": artifacts.layer(),
    }.items():
        keys[kind] = f"{artifacts.digest(content)}.zip"
        s3.put_object(Bucket=CODE_BUCKET, Key=keys[kind], Body=content)
    return keys


def _upload_template(endpoint: str, body: bytes) -> str:
    key = f"{artifacts.digest(body)}.template"
    ministack.client("s3", endpoint).put_object(Bucket=CODE_BUCKET, Key=key, Body=body)
    return f"{endpoint}/{CODE_BUCKET}/{key}"


def _exists(cloudformation: Any) -> bool:
    try:
        stacks = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"]
    except ClientError:
        return False
    return bool(stacks) and stacks[0]["StackStatus"] != "DELETE_COMPLETE"


def _wait(cloudformation: Any) -> dict[str, str]:
    give_up_at = time.monotonic() + DEPLOY_SECONDS
    while True:
        stack = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"][0]
        status = stack["StackStatus"]
        if status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        if not status.endswith("IN_PROGRESS"):
            raise StackError(f"The deployment ended as {status}.\n{_reasons(cloudformation)}")
        if time.monotonic() > give_up_at:
            raise StackError(f"The deployment is still {status} after {DEPLOY_SECONDS:.0f} seconds.")
        time.sleep(0.1)


def _reasons(cloudformation: Any) -> str:
    events = cloudformation.describe_stack_events(StackName=STACK_NAME)["StackEvents"]
    return "\n".join(
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
        for event in events
        if "FAILED" in event["ResourceStatus"]
    )


def _make_up(endpoint: str, template: dict[str, Any], cloudformation: Any) -> None:
    """Set by API what the emulator ignores in a template."""
    physical = {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for resource in cloudformation.describe_stack_resources(StackName=STACK_NAME)["StackResources"]
    }
    dynamodb, functions = ministack.client("dynamodb", endpoint), ministack.client("lambda", endpoint)
    for logical_id, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::DynamoDB::Table" and "TimeToLiveSpecification" in properties:
            _enable_ttl(dynamodb, physical[logical_id], properties["TimeToLiveSpecification"])
        if resource["Type"] == "AWS::Lambda::Function" and "ReservedConcurrentExecutions" in properties:
            functions.put_function_concurrency(
                FunctionName=physical[logical_id],
                ReservedConcurrentExecutions=properties["ReservedConcurrentExecutions"],
            )


def _enable_ttl(dynamodb: Any, table: str, specification: dict[str, Any]) -> None:
    status = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["TimeToLiveStatus"]
    if status == "DISABLED":
        dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=specification)


def function_names(endpoint: str) -> dict[str, str]:
    """Map our names of functions, as `create_job`, to those that the deployment gave them; others go by their own."""
    functions = ministack.client("lambda", endpoint).get_paginator("list_functions")
    ours = {folder.name for folder in (PROJECT / "functions").iterdir()}
    names: dict[str, str] = {}
    for page in functions.paginate():
        for function in page["Functions"]:
            folder, name = function["Handler"].partition(".")[0], function["FunctionName"]
            names[folder if folder in ours else name] = name
    return names


def template_path() -> Path:
    """Return the template that is deployed."""
    return TEMPLATE
