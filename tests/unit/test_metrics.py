"""Metrics as CloudWatch reads them from the log."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from callboard import metrics


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "get_settings", lambda: SimpleNamespace(stack_name="callboard-test"))


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_metrics_are_one_line_with_their_units_under_the_stack_s_name(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.emit({"JobsCompleted": 2, "GenerationSeconds": [1.5, 2.5]})

    (line,) = told(capsys)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Callboard"
    assert directive["Dimensions"] == [["service"]]
    assert line["service"] == "callboard-test"
    assert {one["Name"]: one["Unit"] for one in directive["Metrics"]} == {
        "JobsCompleted": "Count",
        "GenerationSeconds": "Seconds",
    }
    assert (line["JobsCompleted"], line["GenerationSeconds"]) == ([2], [1.5, 2.5])


def test_one_line_does_not_leak_into_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.emit({"JobsCompleted": 2})
    metrics.emit({"JobsFailed": 1})

    assert "JobsCompleted" not in told(capsys)[1]


def test_more_values_than_a_line_holds_are_several_lines(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.emit({"NotifySeconds": [0.1] * 250})

    lines = told(capsys)
    assert sum(len(line["NotifySeconds"]) for line in lines) == 250
    assert max(len(line["NotifySeconds"]) for line in lines) <= 100


def test_nothing_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.emit({"JobsCompleted": 0, "GenerationSeconds": []})

    assert told(capsys) == []


def test_that_nothing_waits_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.emit({"OldestUnpublishedEventSeconds": 0})

    assert told(capsys)[0]["OldestUnpublishedEventSeconds"] == [0]
