"""Writing to a table that does not take everything at once."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from callboard import aws
from callboard.connections import repository
from callboard.connections.errors import ConnectionsUnavailableError

CARD = UUID("0198f2a0-0000-7000-8000-000000000001")


class FakeTable:
    """Takes so many items a call; the rest is left to be sent again."""

    def __init__(self, takes: Callable[[int], int], error: Exception | None = None) -> None:
        self.takes = takes
        self.error = error
        self.calls: list[int] = []
        self.written: list[Any] = []

    def batch_write_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
        if self.error is not None:
            raise self.error
        (requests,) = RequestItems.values()
        taken = self.takes(len(self.calls))
        self.calls.append(len(requests))
        self.written += requests[:taken]
        return {"UnprocessedItems": {"connections": requests[taken:]} if requests[taken:] else {}}


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeTable], FakeTable]:
    def table(fake: FakeTable) -> FakeTable:
        monkeypatch.setattr(aws, "dynamodb", lambda: fake)
        monkeypatch.setattr(repository, "get_settings", lambda: SimpleNamespace(connections_table="connections"))
        monkeypatch.setattr("callboard.connections.repository.time.sleep", lambda _: None)
        return fake

    return table


def test_what_was_left_is_written_again_and_nothing_else(use: Callable[[FakeTable], FakeTable]) -> None:
    table = use(FakeTable(lambda call: [0, 1, 9][call]))

    repository.delete_subscription("c1", CARD)

    assert table.calls == [2, 2, 1]
    assert [request["DeleteRequest"]["Key"]["pk"]["S"] for request in table.written] == ["CONN#c1", f"CTX#{CARD}"]


def test_what_is_never_taken_is_an_error_after_a_few_tries(use: Callable[[FakeTable], FakeTable]) -> None:
    table = use(FakeTable(lambda call: 1 if call == 0 else 0))

    with pytest.raises(ConnectionsUnavailableError):
        repository.delete_subscription("c1", CARD)

    assert table.calls == [2, 1, 1, 1, 1]


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "BatchWriteItem"),
        EndpointConnectionError(endpoint_url="https://dynamodb.example.test"),
    ],
)
def test_a_table_that_does_not_answer_is_an_error_that_may_pass(
    use: Callable[[FakeTable], FakeTable], error: Exception
) -> None:
    use(FakeTable(lambda _: 25, error))

    with pytest.raises(ConnectionsUnavailableError) as raised:
        repository.delete_subscription("c1", CARD)

    assert raised.value.retryable
    assert raised.value.__cause__ is error
