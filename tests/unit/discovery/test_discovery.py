"""Finding services: only healthy ones, any of several, remembered for a moment."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from callboard import aws, discovery
from callboard.discovery import MAX_AGE_SECONDS, NoHealthyInstanceError, discover


class FakeCloudMap:
    """Answers DiscoverInstances from a list of URLs."""

    def __init__(self) -> None:
        self.urls: list[str] = []
        self.error: Exception | None = None
        self.asked: list[dict[str, Any]] = []

    def discover_instances(self, **question: Any) -> dict[str, Any]:
        self.asked.append(question)
        if self.error:
            raise self.error
        return {"Instances": [{"InstanceId": url, "Attributes": {"url": url}} for url in self.urls]}


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(discovery, "time", made)
    return made


@pytest.fixture
def cloud_map(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Iterator[FakeCloudMap]:
    fake = FakeCloudMap()
    monkeypatch.setattr(aws, "servicediscovery", lambda: fake)
    monkeypatch.setattr(discovery, "get_settings", lambda: type("S", (), {"discovery_namespace": "callboard-test"})())
    discovery.forget()
    yield fake
    discovery.forget()


def test_discover_asks_for_healthy_instances_of_our_namespace(cloud_map: FakeCloudMap) -> None:
    cloud_map.urls = ["https://one.test"]

    assert discover("job-queue") == "https://one.test"
    assert cloud_map.asked == [
        {"NamespaceName": "callboard-test", "ServiceName": "job-queue", "HealthStatus": "HEALTHY"}
    ]


def test_discover_asks_in_the_namespace_that_is_named_and_keeps_them_apart(cloud_map: FakeCloudMap) -> None:
    cloud_map.urls = ["https://one.test"]
    discover("job-queue")
    cloud_map.urls = ["https://two.test"]

    assert discover("job-queue", "callboard-other") == "https://two.test"
    assert [question["NamespaceName"] for question in cloud_map.asked] == ["callboard-test", "callboard-other"]


def test_discover_with_several_instances_returns_each_of_them_at_times(cloud_map: FakeCloudMap) -> None:
    cloud_map.urls = ["https://one.test", "https://two.test"]

    assert {discover("job-queue") for _ in range(200)} == {"https://one.test", "https://two.test"}


def test_discover_within_the_time_limit_asks_once(cloud_map: FakeCloudMap, clock: Clock) -> None:
    cloud_map.urls = ["https://one.test"]
    discover("job-queue")
    clock.now += MAX_AGE_SECONDS - 1

    discover("job-queue")

    assert len(cloud_map.asked) == 1


def test_discover_after_the_time_limit_finds_what_is_there_now(cloud_map: FakeCloudMap, clock: Clock) -> None:
    cloud_map.urls = ["https://one.test"]
    discover("job-queue")
    cloud_map.urls = ["https://two.test"]
    clock.now += MAX_AGE_SECONDS + 1

    assert discover("job-queue") == "https://two.test"


def test_discover_without_a_healthy_instance_says_so_and_does_not_remember_it(cloud_map: FakeCloudMap) -> None:
    with pytest.raises(NoHealthyInstanceError) as caught:
        discover("agents")
    assert caught.value.code == "SERVICE_UNAVAILABLE"
    assert caught.value.details == {"service": "agents"}

    cloud_map.urls = ["https://agents.test"]

    assert discover("agents") == "https://agents.test"


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "ServiceNotFound", "Message": ""}}, "DiscoverInstances"),
        EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
    ],
)
def test_discover_when_cloud_map_refuses_is_unavailable(cloud_map: FakeCloudMap, error: Exception) -> None:
    cloud_map.error = error

    with pytest.raises(NoHealthyInstanceError):
        discover("job-queue")
