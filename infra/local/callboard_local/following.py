"""Following a card or project from the command line, with the client that ships."""

from collections.abc import Callable

import httpx

from callboard.connections.client import Ended, FollowError, Item, LiveStream, Reset
from callboard.tokens import TokenSource
from callboard_local.errors import StackError


async def follow(
    http_url: str, token: TokenSource, context_id: str, since: int | None, show: Callable[[str], None]
) -> None:
    """Hand a line for each update to `show`, in order, without end.

    Raises:
        StackError: The stack refuses, or does not answer any more.
    """
    try:
        async with LiveStream(http_url, token) as stream:
            await stream.follow(context_id, since=since)
            async for item in stream:
                show(line_of(item))
    except FollowError as error:
        raise StackError(f"{error.code}: {error}") from error
    except httpx.HTTPError as error:
        raise StackError(f"Updates cannot be followed: {error}") from error


def line_of(item: Item) -> str:
    """Say in a line what has happened, to what."""
    if isinstance(item, Ended):
        return f"       {item.context_id} is gone"
    if isinstance(item, Reset):
        return f"{item.offset:>5}  (older updates are gone)"
    changed = item.data.get("status") or item.data.get("title") or ""
    if waits := item.data.get("waiting_for"):
        changed = f"{changed}, waits for {waits}"
    about = item.data.get("job_id") or item.data.get("run_id") or item.context_id
    return f"{item.offset:>5}  {item.topic:20} {changed:12} {about}"
