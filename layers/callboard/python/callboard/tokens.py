"""Access tokens of programs: what gives one, and signing a machine user in."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable

from callboard import aws
from callboard.errors import ConfigurationError, ServiceUnavailableError
from callboard.secrets import secret

type TokenSource = Callable[[], str] | Callable[[], Awaitable[str]]

MACHINE_SECRETS = "callboard/machines/"
# A token that is handed out is good for at least this long.
MARGIN_SECONDS = 60


async def token_of(source: str | TokenSource) -> str:
    """Ask a source for a token; text is one."""
    token = source if isinstance(source, str) else source()
    # One that was read from a file ends in a newline, and HTTP libraries quote a header that they refuse.
    return (token if isinstance(token, str) else await token).strip()


class MachineTokens:
    """A source of access tokens of a machine user, which signs in with the password that is in its secret.

    A token is kept until a minute before it expires.
    """

    def __init__(self, client_id: str, name: str) -> None:
        """Prepare a source.

        Args:
            client_id: The user pool client's id, an output of the stack.
            name: The machine user's name; its secret is `callboard/machines/<name>`.
        """
        self._client_id = client_id
        self._name = name
        self._token = ""
        self._good_until = 0.0
        self._signing_in = asyncio.Lock()

    async def __call__(self) -> str:
        """Return a good token, signing in if there is none.

        Raises:
            ConfigurationError: The secret cannot be read, or the user pool refuses what is in it.
            ServiceUnavailableError: The user pool does not answer.
        """
        async with self._signing_in:
            if time.time() >= self._good_until:
                asked_at = time.time()
                self._token, seconds = await asyncio.to_thread(self._sign_in)
                self._good_until = asked_at + seconds - MARGIN_SECONDS
            return self._token

    def _sign_in(self) -> tuple[str, int]:
        """Return a new token and the seconds that it is good for."""
        username, password = self._credentials()
        try:
            answer = aws.cognito().initiate_auth(
                ClientId=self._client_id,
                AuthFlow="USER_PASSWORD_AUTH",
                AuthParameters={"USERNAME": username, "PASSWORD": password},
            )
        except aws.failures() as error:
            if _passes(error):
                raise ServiceUnavailableError(details={"service": "user-pool"}) from error
            raise ConfigurationError(f"machine user {self._name} cannot sign in: {error}") from error
        result = answer.get("AuthenticationResult", {})
        if "AccessToken" not in result:
            raise ConfigurationError(f"machine user {self._name} cannot sign in: {answer.get('ChallengeName')}")
        return result["AccessToken"], result["ExpiresIn"]

    def _credentials(self) -> tuple[str, str]:
        name = f"{MACHINE_SECRETS}{self._name}"
        try:
            kept = json.loads(secret(name))
            return kept["username"], kept["password"]
        except (ValueError, KeyError, TypeError):
            # Not even as a cause: such an error may quote what it could not read.
            raise ConfigurationError(f"secret {name} holds no username and password") from None


def _passes(error: Exception) -> bool:
    """Tell what may be answered otherwise later from a refusal; no connection is an error without a response."""
    answer = getattr(error, "response", {})
    status: int = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    code: str = answer.get("Error", {}).get("Code", "")
    return status >= 500 or code == "TooManyRequestsException"
