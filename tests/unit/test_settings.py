"""Settings: from the environment, typed, and loud about what is missing."""

from collections.abc import Iterator

import pytest

from callboard.errors import ConfigurationError
from callboard.settings import Settings, get_settings

REQUIRED = {
    "ENVIRONMENT": "development",
    "STACK_NAME": "callboard",
    "DATABASE_URL_SECRET": "callboard/database-url",
    "EVENT_BUS_NAME": "callboard",
    "JOBS_QUEUE_URL": "https://sqs.example.test/jobs",
    "CHECKS_QUEUE_URL": "https://sqs.example.test/checks",
    "AGENT_QUEUE_URL": "https://sqs.example.test/agents.fifo",
    "ASSETS_BUCKET": "assets",
    "CONNECTIONS_TABLE": "connections",
    "DISCOVERY_NAMESPACE": "callboard",
    "DEFAULT_PROVIDER": "replicate",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    yield monkeypatch
    get_settings.cache_clear()


def test_required_settings_are_enough_and_the_rest_has_defaults() -> None:
    settings = get_settings()

    assert settings.stack_name == "callboard"
    assert (settings.log_level, settings.debug, settings.check_interval_seconds) == ("INFO", False, 2.0)
    assert settings.public_url is None


@pytest.mark.parametrize("name", REQUIRED)
def test_missing_setting_fails_with_its_name(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.delenv(name)

    with pytest.raises(ConfigurationError, match=name):
        get_settings()


@pytest.mark.parametrize("name", REQUIRED)
def test_empty_setting_counts_as_missing(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv(name, "")

    with pytest.raises(ConfigurationError, match=name):
        get_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENVIRONMENT", "test"),
        ("LOG_LEVEL", "LOUD"),
        ("CHECK_INTERVAL_SECONDS", "0"),
        ("CHECK_INTERVAL_SECONDS", "soon"),
        ("DEBUG", "perhaps"),
        ("IDEMPOTENCY_RETENTION_HOURS", "1"),
    ],
)
def test_wrong_setting_fails_with_its_name(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)

    with pytest.raises(ConfigurationError, match=name):
        get_settings()


def test_all_faults_are_named_at_once(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("STACK_NAME")
    environment.setenv("ENVIRONMENT", "test")

    with pytest.raises(ConfigurationError, match=r"ENVIRONMENT.*STACK_NAME"):
        get_settings()


def test_production_is_quiet_and_never_debugs(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ENVIRONMENT", "production")
    environment.setenv("DEBUG", "true")

    settings = get_settings()

    assert (settings.log_level, settings.debug) == ("WARNING", False)


def test_production_may_be_told_to_log_more(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ENVIRONMENT", "production")
    environment.setenv("LOG_LEVEL", "DEBUG")

    assert get_settings().log_level == "DEBUG"


def test_settings_are_read_once(environment: pytest.MonkeyPatch) -> None:
    first = get_settings()
    environment.setenv("STACK_NAME", "other")

    assert get_settings() is first


def test_optional_setting_that_is_needed_but_missing_is_named(environment: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="PUBLIC_URL"):
        get_settings().require("public_url")


def test_optional_setting_that_is_there_is_returned(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PUBLIC_URL", "https://api.example.test")

    assert get_settings().require("public_url") == "https://api.example.test"
