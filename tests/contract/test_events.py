"""Events: the classes, their golden JSON and the rules of the template agree."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from callboard.events.models import EVENT, MESSAGE_TYPE_OF_NOUN, SOURCE, Event, EventBase, message_type
from support.template import resources

GOLDEN = Path(__file__).parent / "events"
TOPICS = sorted(kind.model_fields["topic"].default for kind in EventBase.__subclasses__())


def patterns() -> dict[str, dict[str, Any]]:
    return {name: rule["EventPattern"] for name, rule in resources("AWS::Events::Rule").items()}


def test_union_holds_every_class() -> None:
    union, *_ = get_args(Event.__value__)

    assert set(get_args(union)) == set(EventBase.__subclasses__())
    assert len(TOPICS) == len(set(TOPICS))


def test_golden_events_are_one_a_topic() -> None:
    assert sorted(path.stem for path in GOLDEN.glob("*.json")) == TOPICS


@pytest.mark.parametrize("topic", TOPICS)
def test_golden_event_round_trips(topic: str) -> None:
    golden = json.loads((GOLDEN / f"{topic}.json").read_text())

    event = EVENT.validate_python(golden)

    assert event.topic == topic
    assert json.loads(EVENT.dump_json(event)) == golden


@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_has_a_message_type(topic: str) -> None:
    assert message_type(topic) == f"{topic.partition('.')[0]}_update"


def test_every_message_type_has_a_topic() -> None:
    assert set(MESSAGE_TYPE_OF_NOUN.values()) == {message_type(topic) for topic in TOPICS}


def test_rules_match_only_events_that_exist() -> None:
    assert patterns()
    for name, pattern in patterns().items():
        assert pattern["source"] == [SOURCE], name
        assert set(pattern["detail-type"]) <= set(TOPICS), name


def test_notify_rule_matches_every_event() -> None:
    assert sorted(patterns()["NotifyRule"]["detail-type"]) == TOPICS


def test_rules_target_queues_with_dead_letters() -> None:
    queues = resources("AWS::SQS::Queue")
    for name, rule in resources("AWS::Events::Rule").items():
        for target in rule["Targets"]:
            queue, attribute = target["Arn"]["Fn::GetAtt"]
            dead_letters, _ = target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"]
            assert (queue in queues, attribute) == (True, "Arn"), name
            assert dead_letters in queues, name
