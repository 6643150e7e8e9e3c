"""Secrets by name, from Secrets Manager, cached for five minutes an execution environment."""

from threading import Lock

from callboard.errors import ConfigurationError

MAX_AGE_SECONDS = 300
_FETCHING = Lock()


def secret(name: str) -> str:
    """Return a secret's text.

    Raises:
        ConfigurationError: It does not exist or may not be read; the message names it.
    """
    from aws_lambda_powertools.utilities import parameters  # noqa: PLC0415  # 60 ms that many cold starts can do without

    try:
        # The first fetch makes a client, which is not safe in threads; the others are answered from the cache.
        with _FETCHING:
            value = parameters.get_secret(name, max_age=MAX_AGE_SECONDS)
    except parameters.GetParameterError as error:
        raise ConfigurationError(f"secret {name} cannot be read") from error
    return str(value)
