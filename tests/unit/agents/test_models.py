"""What requests about agents may say."""

from typing import Any

import pytest
from pydantic import ValidationError

from callboard.agents.models import HistoryRequest, ItemKey, NewItem, NewRun, StateUpdate, ThreadSearch

ITEM = {"namespace": ["looks"], "key": "lamp", "value": {}}
RUN = {"assistant_id": "production"}


@pytest.mark.parametrize("namespace", [["a"], ["a b", "c%", "_"], ["ä"], ["x" * 200], ["a"] * 10])
def test_a_namespace_is_a_path_of_labels(namespace: list[str]) -> None:
    assert NewItem.model_validate(ITEM | {"namespace": namespace}).namespace == namespace


@pytest.mark.parametrize(
    "namespace", [[], [""], ["a.b"], ["."], ["x" * 201], ["a"] * 11, ["a\x00"], ["\ud800"], "a", [1]]
)
def test_a_label_holds_no_dot_and_only_what_can_be_stored(namespace: Any) -> None:
    with pytest.raises(ValidationError):
        NewItem.model_validate(ITEM | {"namespace": namespace})


@pytest.mark.parametrize("key", ["", "x" * 401, "a\x00", "\ud800", None])
def test_a_key_holds_only_what_can_be_stored(key: Any) -> None:
    with pytest.raises(ValidationError):
        ItemKey.model_validate({"key": key})


@pytest.mark.parametrize("field", ["input", "metadata", "config", "context"])
@pytest.mark.parametrize("value", ["\x00", "\ud800", 1e999, "x" * 70_000])
def test_a_run_holds_only_what_can_be_stored(field: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        NewRun.model_validate(RUN | {field: {"deep": [{"down": value}]}})


@pytest.mark.parametrize("resume", [{"comment": "\x00"}, "\ud800", [["\x00"]]])
def test_an_answer_holds_only_what_can_be_stored(resume: Any) -> None:
    with pytest.raises(ValidationError):
        NewRun.model_validate(RUN | {"command": {"resume": resume}})


def test_a_change_of_a_state_holds_only_what_can_be_stored() -> None:
    with pytest.raises(ValidationError):
        StateUpdate.model_validate({"values": {"answer": "\x00"}})


@pytest.mark.parametrize("model", [NewRun, ThreadSearch, HistoryRequest, StateUpdate])
def test_what_newer_clients_add_is_passed_over(model: type[NewRun | ThreadSearch | HistoryRequest]) -> None:
    model.model_validate(RUN | {"something_new": True})


def test_a_run_waits_for_its_turn_unless_it_says_otherwise() -> None:
    run = NewRun.model_validate(RUN)

    assert (run.multitask_strategy, run.if_not_exists, run.stream_mode) == ("enqueue", "reject", "values")
