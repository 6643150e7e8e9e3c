"""Alarms and the dashboard: about metrics that there are, and each with a line of what to do."""

import json
import re
from typing import Any, get_args

import pytest

from callboard.metrics import NAMESPACE, Metric
from callboard_local.paths import PROJECT
from support.template import resources

ALARMS = resources("AWS::CloudWatch::Alarm")
OURS = set(get_args(Metric.__value__))
LOGGED = {
    one["MetricTransformations"][0]["MetricName"]["Fn::Sub"] for one in resources("AWS::Logs::MetricFilter").values()
}
OPERATIONS = (PROJECT / "docs" / "operations.md").read_text()


def name_of(metric: Any) -> str:
    name: str = metric["Fn::Sub"] if isinstance(metric, dict) else metric
    return name


def shown() -> list[list[Any]]:
    """Return the metrics of the dashboard, its references left as they are."""
    (dashboard,) = resources("AWS::CloudWatch::Dashboard").values()
    body = json.loads(dashboard["DashboardBody"]["Fn::Sub"])
    return [metric for widget in body["widgets"] for metric in widget["properties"]["metrics"]]


@pytest.mark.parametrize("alarm", ALARMS)
def test_an_alarm_has_a_row_in_the_runbook(alarm: str) -> None:
    assert re.search(rf"^\| `{alarm}` \|", OPERATIONS, re.MULTILINE)


def test_the_runbook_has_no_row_of_an_alarm_that_there_is_not() -> None:
    assert set(re.findall(r"^\| `(\w+Alarm)` \|", OPERATIONS, re.MULTILINE)) == ALARMS.keys()


@pytest.mark.parametrize("alarm", ALARMS)
def test_an_alarm_is_told_to_the_topic_and_is_silent_without_data(alarm: str) -> None:
    assert ALARMS[alarm]["AlarmActions"]["Fn::If"][0] == "HasAlarmTopic"
    assert ALARMS[alarm]["TreatMissingData"] == "notBreaching"


def test_alarms_about_our_metrics_are_about_such_as_are_written() -> None:
    about = {name_of(alarm["MetricName"]) for alarm in ALARMS.values() if alarm["Namespace"] == NAMESPACE}

    assert about
    assert about <= OURS | LOGGED


def test_the_dashboard_shows_each_of_our_metrics_and_none_that_there_is_not() -> None:
    assert {metric[1] for metric in shown() if metric[0] == NAMESPACE} == OURS


def test_the_dashboard_shows_all_queues_and_their_dead_letters() -> None:
    queues = set(resources("AWS::SQS::Queue"))

    assert {metric[3] for metric in shown() if metric[0] == "AWS/SQS"} == {
        f"${{{queue}.QueueName}}" for queue in queues
    }
