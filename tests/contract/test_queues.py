"""Queues: every consumer reports partial failures, and what fails for good is kept and noticed."""

import pytest

from support.template import Function, functions, resources, template

CONSUMERS = [function for function in functions().values() if any(function.events("SQS"))]
QUEUES = resources("AWS::SQS::Queue")


# A step that is repeated while the one before it still runs takes over from that, which then has no effect any more:
# so its message comes back soon after the function's time is up, instead of keeping the thread waiting.
TAKES_OVER = {"run_agent_step": 150}


def queue_of(function: Function) -> str:
    (source,) = function.events("SQS")
    queue, attribute = source["Queue"]["Fn::GetAtt"]
    assert attribute == "Arn"
    return str(queue)


def dead_letters_of(queue: str) -> str:
    name, _ = QUEUES[queue]["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"]
    return str(name)


def test_there_are_consumers() -> None:
    assert {function.name for function in CONSUMERS} >= {"submit_job", "check_job", "notify"}


@pytest.mark.parametrize("function", CONSUMERS, ids=lambda function: function.name)
def test_consumer_reports_partial_failures(function: Function) -> None:
    (source,) = function.events("SQS")

    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize(
    "function",
    [function for function in CONSUMERS if function.name not in TAKES_OVER],
    ids=lambda function: function.name,
)
def test_consumers_queue_hides_a_message_six_times_as_long_as_the_function_may_run(function: Function) -> None:
    assert QUEUES[queue_of(function)]["VisibilityTimeout"] >= 6 * function.timeout


@pytest.mark.parametrize("name", TAKES_OVER)
def test_queue_of_steps_hides_a_message_longer_than_one_may_run(name: str) -> None:
    function = functions()[name]
    parameter = QUEUES[queue_of(function)]["VisibilityTimeout"]["Ref"]

    assert template()["Parameters"][parameter]["Default"] == TAKES_OVER[name] > function.timeout


def test_steps_of_a_thread_take_turns_in_a_queue_that_drops_none_as_repeated() -> None:
    queue = QUEUES[queue_of(functions()["run_agent_step"])]

    assert queue["FifoQueue"] is True
    assert queue["ContentBasedDeduplication"] is False
    assert QUEUES[dead_letters_of("AgentQueue")]["FifoQueue"] is True


@pytest.mark.parametrize("function", CONSUMERS, ids=lambda function: function.name)
def test_consumers_queue_keeps_what_failed_at_least_three_times(function: Function) -> None:
    queue = queue_of(function)

    assert QUEUES[queue]["RedrivePolicy"]["maxReceiveCount"] >= 3
    assert QUEUES[dead_letters_of(queue)]["MessageRetentionPeriod"] >= 14 * 24 * 3600


@pytest.mark.parametrize("function", CONSUMERS, ids=lambda function: function.name)
def test_dead_letters_raise_an_alarm_at_the_first(function: Function) -> None:
    dead_letters = dead_letters_of(queue_of(function))
    alarms = [
        alarm
        for alarm in resources("AWS::CloudWatch::Alarm").values()
        if {"Name": "QueueName", "Value": {"Fn::GetAtt": [dead_letters, "QueueName"]}} in alarm.get("Dimensions", ())
    ]

    (alarm,) = alarms
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0, "GreaterThanThreshold")


@pytest.mark.parametrize("name", QUEUES)
def test_queue_is_encrypted(name: str) -> None:
    assert QUEUES[name]["SqsManagedSseEnabled"] is True
