"""Business metrics, written as log lines of CloudWatch's embedded format: they become numbers without a call to anyone.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from callboard.settings import get_settings

NAMESPACE = "Callboard"

type Metric = Literal[
    "JobsAccepted",
    "JobsTriedAgain",
    "JobsCompleted",
    "JobsFailed",
    "JobsCancelled",
    "QueueSeconds",
    "GenerationSeconds",
    "NotifySeconds",
    "AgentWakeUps",
    "RunsEnded",
    "RunsFailed",
    "ModelCalls",
    "InputTokens",
    "OutputTokens",
    "OldestUnpublishedEventSeconds",
    "DatabaseConnections",
]


def emit(values: Mapping[Metric, float | Sequence[float]]) -> None:
    """Write metrics in one line, under the stack's name; several values of one are a distribution.

    What is nothing is left out: no line for a batch in which nothing happened.
    """
    lists = {name: [value] if isinstance(value, int | float) else value for name, value in values.items()}
    # Counters say when there is something; gauges may be zero.
    told = {name: some for name, some in lists.items() if some and (any(some) or not name.startswith(COUNTERS))}
    if not told:
        return
    provider = AmazonCloudWatchEMFProvider(namespace=NAMESPACE, service=get_settings().stack_name)
    for name, some in told.items():
        unit = MetricUnit.Seconds if name.endswith("Seconds") else MetricUnit.Count
        for value in some:
            provider.add_metric(name, unit, value)
    provider.flush_metrics()


COUNTERS = ("Jobs", "Agent", "Runs", "Model", "Input", "Output")
