"""Answering CloudFormation about a custom resource."""

import json
from collections.abc import Callable
from typing import Any

import urllib3
from aws_lambda_powertools.utilities.typing import LambdaContext

from callboard.observability import logger

type Work = Callable[[dict[str, Any]], dict[str, Any]]


def handle(event: dict[str, Any], context: LambdaContext, work: Work) -> dict[str, Any]:
    """Do the work of a custom resource and tell CloudFormation how it went; a deletion needs no work.

    Without a ResponseURL the event is a direct invocation: the result is returned and an error raised.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
    """
    if "ResponseURL" not in event:
        return work(event.get("ResourceProperties", {}))
    data: dict[str, Any] = {}
    failure = ""
    if event["RequestType"] != "Delete":
        try:
            data = work(event.get("ResourceProperties", {}))
        except Exception as error:  # noqa: BLE001  # silence would leave the deployment waiting for its time-out
            logger.exception("custom resource failed", action="custom_resource_failed")
            failure = f"{type(error).__name__}: {error}"[:400]
    answer = {
        "Status": "FAILED" if failure else "SUCCESS",
        "Reason": failure or "done",
        "PhysicalResourceId": event.get("PhysicalResourceId") or event["LogicalResourceId"],
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": data,
    }
    # CloudFormation's presigned URL is signed for an empty content type.
    urllib3.request(
        "PUT", event["ResponseURL"], body=json.dumps(answer).encode(), headers={"content-type": ""}, timeout=10.0
    )
    return answer
