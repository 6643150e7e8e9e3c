"""Following a card or project from the command line, with the client that ships."""

from collections.abc import Callable

import httpx

from callboard.connections.client import FollowError, Item, LiveStream
from callboard.tokens import TokenSource
from callboard_local.errors import StackError


async def follow(
    http_url: str, token: TokenSource, context_id: str, since: int | None, show: Callable[[Item], None]
) -> None:
    """Hand each update to `show`, in order, without end.

    Raises:
        StackError: The stack refuses, or does not answer any more.
    """
    try:
        async with LiveStream(http_url, token) as stream:
            await stream.follow(context_id, since=since)
            async for item in stream:
                show(item)
    except FollowError as error:
        raise StackError(f"{error.code}: {error}") from error
    except httpx.HTTPError as error:
        raise StackError(f"Updates cannot be followed: {error}") from error
