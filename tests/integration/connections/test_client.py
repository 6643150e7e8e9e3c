"""The client hands out ordered streams without gaps, whatever the connection does."""

import asyncio
import random
import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from callboard.connections.client import RENEWALS, Ended, FollowError, Item, LiveStream, Reset, Timing, Update

from .live_service import CARD, OTHER, PROJECT, LiveService, live_service

QUICK = Timing(ping=60, answer=2, gap=0.05, backoff=0.05)
PINGING = Timing(ping=0.05, answer=0.2, gap=0.05, backoff=0.05)


@pytest.fixture
async def service() -> AsyncIterator[LiveService]:
    async with live_service() as running:
        yield running


def stream_of(service: LiveService, timing: Timing = QUICK) -> LiveStream:
    return LiveStream(service.http_url, "token", timing=timing)


async def take(stream: LiveStream, count: int) -> list[Item]:
    async with asyncio.timeout(20):
        return [await anext(stream) for _ in range(count)]


def places(items: list[Item]) -> list[tuple[str, int]]:
    """Return the contexts and offsets of updates."""
    assert all(isinstance(item, Update) for item in items), items
    return [(item.context_id, item.offset) for item in items if isinstance(item, Update)]


async def nothing_more(stream: LiveStream) -> bool:
    try:
        async with asyncio.timeout(0.3):
            await anext(stream)
            return False
    except TimeoutError:
        return True


@pytest.mark.parametrize("seed", range(4))
async def test_each_offset_comes_once_in_order_whatever_is_lost_repeated_shuffled_or_cut(
    service: LiveService, seed: int
) -> None:
    service.chance, service.loss, service.is_shuffled = random.Random(seed), 0.3, True
    async with stream_of(service) as stream:
        await stream.follow(PROJECT)
        await stream.follow(OTHER)
        for round_ in range(8):
            for context_id in (PROJECT, CARD, OTHER):
                await service.happen(context_id, 5)
            if round_ % 3 == 2:
                await service.cut()

        received = places(await take(stream, 120))

    for context_id in (PROJECT, CARD, OTHER):
        assert [offset for context, offset in received if context == context_id] == list(range(1, 41))


async def test_a_lost_update_is_fetched(service: LiveService) -> None:
    async with stream_of(service) as stream:
        await stream.follow(CARD)
        service.append(CARD, 12)
        await service.happen(CARD)

        assert places(await take(stream, 13)) == [(CARD, n) for n in range(1, 14)]
        assert await nothing_more(stream)


async def test_updates_missed_and_lost_again_are_fetched_though_nothing_follows(service: LiveService) -> None:
    async with stream_of(service) as stream:
        await stream.follow(CARD)
        await service.cut()
        service.loses_replays = True
        service.append(CARD, 3)

        assert places(await take(stream, 3)) == [(CARD, 1), (CARD, 2), (CARD, 3)]


async def test_following_since_an_offset_brings_what_came_after(service: LiveService) -> None:
    service.append(CARD, 4)
    async with stream_of(service) as stream:
        assert await stream.follow(CARD, since=2) == 4

        assert places(await take(stream, 2)) == [(CARD, 3), (CARD, 4)]


async def test_following_from_now_brings_nothing_of_before(service: LiveService) -> None:
    service.append(CARD, 4)
    async with stream_of(service) as stream:
        assert await stream.follow(CARD) == 4
        await service.happen(CARD)

        assert places(await take(stream, 1)) == [(CARD, 5)]


async def test_another_connection_goes_on_with_another_ticket_where_each_stream_was(service: LiveService) -> None:
    async with stream_of(service) as stream:
        await stream.follow(PROJECT)
        await stream.follow(CARD)
        for context_id in (PROJECT, CARD, CARD):
            await service.happen(context_id)
        await take(stream, 3)

        await service.cut()
        await service.followed(PROJECT, CARD)

        assert service.said_of(PROJECT)[-1]["since"] == {"offset": 1, "cards": {CARD: 2, OTHER: 0}}
        assert service.said_of(CARD)[-1]["since"] == {"offset": 2}
        assert await nothing_more(stream)


async def test_a_card_made_while_nobody_was_there_comes_from_its_beginning(service: LiveService) -> None:
    async with stream_of(service) as stream:
        await stream.follow(PROJECT)
        service.cards.append("new")
        service.append("new", 3)
        await service.cut()

        assert places(await take(stream, 3)) == [("new", 1), ("new", 2), ("new", 3)]


async def test_a_card_made_meanwhile_comes_from_its_beginning(service: LiveService) -> None:
    async with stream_of(service) as stream:
        await stream.follow(PROJECT)
        service.cards.append("new")
        await service.happen("new", 2)

        assert places(await take(stream, 2)) == [("new", 1), ("new", 2)]


@pytest.mark.parametrize("lost", [0, 2])
async def test_a_project_with_too_many_cards_for_a_message_is_followed_all_the_same(
    service: LiveService, lost: int
) -> None:
    service.gives_card_url, service.failing_reads = True, 1
    service.cards += [f"card-{number:036}" for number in range(1000)]
    service.append(CARD, 3)
    async with stream_of(service) as stream:
        await stream.follow(PROJECT)
        await service.happen(CARD)
        first = await take(stream, 1)
        service.append(CARD, lost)
        await service.cut()
        await service.followed(PROJECT)
        await service.happen(CARD)

        assert "since" not in service.said_of(PROJECT)[-1]
        assert places(first + await take(stream, 1 + lost)) == [(CARD, n) for n in range(4, 6 + lost)]


async def test_a_log_that_is_too_short_starts_over(service: LiveService) -> None:
    service.append(CARD, 9)
    service.oldest[CARD] = 6
    async with stream_of(service) as stream:
        await stream.follow(CARD, since=2)
        await service.happen(CARD)

        reset, update = await take(stream, 2)

    assert reset == Reset(CARD, 9, {"now": 9}, None)
    assert places([update]) == [(CARD, 10)]


async def test_a_project_s_cards_start_over_with_it(service: LiveService) -> None:
    async with stream_of(service) as stream:
        await stream.follow(PROJECT)
        await service.happen(CARD)
        assert places(await take(stream, 1)) == [(CARD, 1)]
        service.append(CARD, 8)
        service.oldest[CARD] = 5
        service.cards.remove(OTHER)
        await service.cut()
        await service.followed(PROJECT)
        await service.happen(CARD)

        reset, update = await take(stream, 2)

    assert isinstance(reset, Reset)
    assert (reset.context_id, reset.snapshot) == (PROJECT, {"now": 0})
    assert places([update]) == [(CARD, 10)]


async def test_a_gap_that_the_log_does_not_hold_starts_over(service: LiveService) -> None:
    async with stream_of(service) as stream:
        await stream.follow(CARD)
        service.append(CARD, 3)
        service.oldest[CARD] = 3
        await service.happen(CARD)

        reset = (await take(stream, 1))[0]
        await service.happen(CARD)

        assert reset == Reset(CARD, 4, None, f"/api/cards/{CARD}")
        assert places(await take(stream, 1)) == [(CARD, 5)]


async def test_what_came_while_a_gap_was_read_is_not_taken_back(service: LiveService) -> None:
    loop, came = asyncio.get_running_loop(), threading.Event()

    def see(message: dict[str, Any]) -> None:
        if message.get("offset") == 4:
            came.set()

    async with LiveStream(service.http_url, "token", on_message=see, timing=QUICK) as stream:
        await stream.follow(CARD)
        late = service.append(CARD, 2)
        service.oldest[CARD] = 3

        def tell() -> None:
            messages = [*late, *service.append(CARD)]
            asyncio.run_coroutine_threadsafe(service.tell_late(*messages), loop).result(10)
            assert came.wait(10)

        service.before_read = tell
        await service.happen(CARD)

        assert places(await take(stream, 4)) == [(CARD, n) for n in range(1, 5)]
        assert await nothing_more(stream)
    assert service.reads


@pytest.mark.parametrize("failures", [0, 2])
async def test_a_thin_update_is_fetched_until_that_works(service: LiveService, failures: int) -> None:
    service.thin, service.failing_reads = {(CARD, 1)}, failures
    async with stream_of(service) as stream:
        await stream.follow(CARD)
        await service.happen(CARD)

        (update,) = await take(stream, 1)

    assert isinstance(update, Update)
    assert update.data == {"number": 1}


async def test_a_thin_update_of_a_card_not_known_yet_is_fetched(service: LiveService) -> None:
    service.thin = {("new", 1)}
    async with stream_of(service) as stream:
        await stream.follow(PROJECT)
        await service.happen("new")

        assert places(await take(stream, 1)) == [("new", 1)]


async def test_a_stream_that_is_told_to_reconnects(service: LiveService) -> None:
    async with stream_of(service, PINGING) as stream:
        await stream.follow(CARD)
        service.ping_answer = {"type": "reconnect"}
        while len(service.said_of(CARD)) < 2:
            await asyncio.sleep(0.01)
        service.ping_answer = {"type": "pong"}
        await service.followed(CARD)
        await service.happen(CARD)

        assert places(await take(stream, 1)) == [(CARD, 1)]


async def test_a_connection_that_leaves_pings_alone_is_replaced(service: LiveService) -> None:
    async with stream_of(service, PINGING) as stream:
        await stream.follow(CARD)
        (dead,) = service.sockets
        service.ping_answer = None
        while dead in service.sockets:
            await asyncio.sleep(0.01)
        service.ping_answer = {"type": "pong"}
        await service.followed(CARD)
        await service.happen(CARD)

        assert places(await take(stream, 1)) == [(CARD, 1)]


async def test_following_on_a_connection_that_the_service_has_lost_opens_another(service: LiveService) -> None:
    service.errors = {CARD: ["CONNECTION_UNKNOWN"]}
    async with stream_of(service) as stream:
        assert await stream.follow(CARD) == 0
        await service.happen(CARD)

        assert places(await take(stream, 1)) == [(CARD, 1)]

    assert len(service.tokens) == 2


async def test_streams_survive_that_the_service_loses_the_connection(service: LiveService) -> None:
    async with stream_of(service) as stream:
        await stream.follow(CARD)
        service.errors = {CARD: ["CONNECTION_UNKNOWN"]}
        await service.cut()
        await service.followed(CARD)
        await service.happen(CARD)

        assert places(await take(stream, 1)) == [(CARD, 1)]


async def test_a_ping_that_is_answered_by_not_knowing_the_connection_opens_another(service: LiveService) -> None:
    async with stream_of(service, Timing(ping=0.05, answer=20, gap=0.05, backoff=0.05)) as stream:
        await stream.follow(CARD)
        error = {"code": "CONNECTION_UNKNOWN", "message": "No.", "details": {}}
        service.ping_answer = {"type": "error", "id": None, "error": error}
        async with asyncio.timeout(10):
            while len(service.said_of(CARD)) < 2:
                await asyncio.sleep(0.01)
        service.ping_answer = {"type": "pong"}
        await service.followed(CARD)
        await service.happen(CARD)

        assert places(await take(stream, 1)) == [(CARD, 1)]


async def test_many_contexts_are_followed_anew_a_few_at_once(service: LiveService) -> None:
    cards = [f"card-{number}" for number in range(3 * RENEWALS)]
    async with stream_of(service) as stream:
        for card in cards:
            await stream.follow(card)
        first = len(service.said)
        service.errors = {card: ["silence"] for card in cards}
        await service.cut()
        while len(service.said) < first + RENEWALS:
            await asyncio.sleep(0.01)
        assert await nothing_more(stream)
        assert len(service.said) == first + RENEWALS

        service.errors = {}
        await service.cut()
        await service.followed(*cards)
        for card in cards:
            await service.happen(card)

        assert sorted(places(await take(stream, len(cards)))) == sorted((card, 1) for card in cards)


async def test_what_cannot_be_followed_is_an_error(service: LiveService) -> None:
    service.errors = {"unknown": ["CONTEXT_NOT_FOUND"]}
    async with stream_of(service) as stream:
        with pytest.raises(FollowError) as refused:
            await stream.follow("unknown")

    assert refused.value.code == "CONTEXT_NOT_FOUND"


async def test_what_can_be_followed_no_more_ends(service: LiveService) -> None:
    async with stream_of(service) as stream:
        await stream.follow(CARD)
        service.errors = {CARD: ["CONTEXT_NOT_FOUND"]}
        await service.cut()

        assert await take(stream, 1) == [Ended(CARD, "CONTEXT_NOT_FOUND")]


async def test_a_gap_of_a_deleted_card_ends_it(service: LiveService) -> None:
    async with stream_of(service) as stream:
        await stream.follow(CARD)
        service.append(CARD)
        service.deleted.add(CARD)
        await service.happen(CARD)

        assert await take(stream, 1) == [Ended(CARD, "CONTEXT_NOT_FOUND")]


@pytest.mark.parametrize("trouble", ["DATABASE_UNAVAILABLE", "silence"])
async def test_a_service_in_trouble_is_asked_again(service: LiveService, trouble: str) -> None:
    service.errors = {CARD: [trouble]}
    async with stream_of(service, Timing(answer=0.3, backoff=0.05)) as stream:
        assert await stream.follow(CARD) == 0

    assert len(service.said_of(CARD)) == 2


async def test_a_service_that_never_answers_is_a_timeout(service: LiveService) -> None:
    service.errors = {CARD: ["silence"] * 9}
    async with stream_of(service, Timing(answer=0.05)) as stream:
        with pytest.raises(TimeoutError):
            await stream.follow(CARD)


async def test_following_can_be_given_up(service: LiveService) -> None:
    service.errors = {CARD: ["silence"] * 9}
    async with stream_of(service) as stream:
        following = asyncio.create_task(stream.follow(CARD))
        while not service.said_of(CARD):
            await asyncio.sleep(0.001)
        following.cancel()

        with pytest.raises(asyncio.CancelledError):
            await following


async def test_what_is_unfollowed_is_silent_and_not_followed_again(service: LiveService) -> None:
    async with stream_of(service) as stream:
        await stream.follow(CARD)
        await stream.follow(OTHER)
        await stream.unfollow(CARD)
        await service.cut()
        await service.followed(OTHER)

        assert len(service.said_of(CARD)) == 1
        assert await nothing_more(stream)


async def test_messages_can_be_seen_as_they_come(service: LiveService) -> None:
    seen: list[str] = []
    async with LiveStream(service.http_url, "token", on_message=lambda message: seen.append(message["type"])) as stream:
        await stream.follow(CARD)
        await service.happen(CARD)
        await take(stream, 1)

    assert seen == ["subscribed", "card_update"]


async def test_a_new_token_is_asked_for_each_connection(service: LiveService) -> None:
    tokens = iter(["first", "second"])

    async def next_token() -> str:
        return next(tokens)

    async with LiveStream(service.http_url, next_token, timing=QUICK) as stream:
        await stream.follow(CARD)
        await service.cut()
        await service.followed(CARD)

    assert service.tokens == ["first", "second"]


async def test_who_is_let_in_no_more_is_told(service: LiveService) -> None:
    async with stream_of(service) as stream:
        await stream.follow(CARD)
        service.is_locked = True
        await service.cut()

        for _ in range(2):
            with pytest.raises(httpx.HTTPStatusError):
                await take(stream, 1)
        with pytest.raises(httpx.HTTPStatusError):
            await stream.follow(OTHER)


async def test_who_is_not_let_in_is_told(service: LiveService) -> None:
    service.is_locked = True

    with pytest.raises(httpx.HTTPStatusError):
        async with stream_of(service):
            pass


async def test_iterating_ends_when_the_stream_is_closed(service: LiveService) -> None:
    async with stream_of(service) as stream:
        await stream.follow(CARD)
        await service.happen(CARD)
        first = await take(stream, 1)

    assert places(first) == [(CARD, 1)]
    assert [item async for item in stream] == []
