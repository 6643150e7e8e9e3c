"""Following live: tickets, updates in order, reconnecting, connections that die."""

import asyncio
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from callboard.connections.client import LiveStream, Update
from callboard_local import ministack
from support.stack import User


async def updates_until(stream: LiveStream, context_id: str, status: str) -> list[Update]:
    found: list[Update] = []
    async with asyncio.timeout(30):
        async for item in stream:
            assert isinstance(item, Update)
            if item.context_id == context_id:
                found.append(item)
                if item.data.get("status") == status:
                    break
    return found


@pytest.mark.parametrize("query", ["", "?ticket=", "?ticket=made-up"])
async def test_a_socket_without_a_good_ticket_stays_closed(alice: User, query: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{alice.stack.websocket}{query}")

    assert refused.value.response.status_code == 403


async def test_a_ticket_opens_one_socket(alice: User) -> None:
    ticket = await alice.call("POST", "/api/connections/ticket")
    url = f"{ticket['url']}?ticket={ticket['ticket']}"

    async with connect(url):
        with pytest.raises(InvalidStatus):
            await connect(url)

    assert ticket["expires_in"] == 60


async def test_messages_have_the_agreed_shapes(alice: User) -> None:
    card = await alice.make_card()
    socket = await alice.socket()

    subscribed = await socket.ask({"type": "subscribe", "id": "1", "context_id": card["id"]})
    job_id = await alice.create_job(card)
    [update] = await socket.updates(card["id"], [2])
    pong = await socket.ask({"type": "ping"})
    unsubscribed = await socket.ask({"type": "unsubscribe", "id": "2", "context_id": card["id"]})
    await socket.close()

    assert subscribed == {"type": "subscribed", "id": "1", "context_id": card["id"], "offset": 1, "recovered": True}
    assert pong == {"type": "pong"}
    assert unsubscribed == {"type": "unsubscribed", "id": "2", "context_id": card["id"]}
    assert (update["type"], update["context_id"]) == ("job_update", card["id"])
    assert update["data"]["job_id"] == job_id
    assert {"card_id", "status", "result_url", "error_code", "error_message", "timestamp"} <= set(update["data"])


async def test_garbage_on_a_socket_is_answered_and_the_socket_lives(alice: User) -> None:
    socket = await alice.socket()

    error = await socket.ask("{not json")
    pong = await socket.ask({"type": "ping"})
    await socket.close()

    assert (error["type"], error["error"]["code"]) == ("error", "INVALID_MESSAGE")
    assert pong == {"type": "pong"}


@pytest.mark.parametrize("route", ["$disconnect", "$connect", "$default"])
async def test_a_message_cannot_choose_a_route_of_the_gateway(alice: User, route: str) -> None:
    card = await alice.make_card()
    socket = await alice.socket()
    await socket.ask({"type": "subscribe", "context_id": card["id"]})

    error = await socket.ask({"type": route})
    still_following = followers(alice, card["id"])
    await socket.close()

    assert (error["type"], error["error"]["code"]) == ("error", "INVALID_MESSAGE")
    assert still_following == 1


async def test_reconnecting_with_since_misses_nothing(alice: User) -> None:
    card = await alice.make_card()
    socket = await alice.socket()
    await socket.ask({"type": "subscribe", "context_id": card["id"]})
    await socket.close()
    await alice.ended(await alice.create_job(card))

    socket = await alice.socket()
    subscribed = await socket.ask({"type": "subscribe", "context_id": card["id"], "since": {"offset": 1}})
    missed = await socket.updates(card["id"], range(2, subscribed["offset"] + 1))
    await socket.close()

    assert subscribed["recovered"] is True
    assert missed[-1]["data"]["status"] == "completed"


async def test_the_client_hands_out_each_offset_once_in_order_across_cut_connections(alice: User) -> None:
    card = await alice.make_card()
    async with LiveStream(alice.stack.http, lambda: alice.token) as stream:
        await stream.follow(card["id"])
        jobs = [await alice.create_job(card, simulate={"duration": 0.2 * n}) for n in range(1, 5)]
        received: list[Update] = []
        for _ in jobs:
            received += await updates_until(stream, card["id"], "completed")
            await stream.drop_connection()

    offsets = [update.offset for update in received]
    assert offsets == list(range(2, 2 + len(offsets)))
    completed = [update.data["job_id"] for update in received if update.data.get("status") == "completed"]
    assert sorted(completed) == sorted(jobs)


async def test_a_project_s_follower_hears_of_new_cards_and_their_jobs(alice: User) -> None:
    first = await alice.make_card()
    async with LiveStream(alice.stack.http, lambda: alice.token) as stream:
        await stream.follow(first["project_id"])
        activity = await alice.call(
            "POST",
            f"/api/projects/{first['project_id']}/activities",
            {"title": "More", "cards": [{"title": "New"}]},
            expect=201,
        )
        new = activity["cards"][0]
        await alice.create_job(new)
        received = await updates_until(stream, new["id"], "completed")

    assert [update.offset for update in received] == list(range(1, len(received) + 1))
    assert received[0].topic == "card.created"


async def test_a_connection_that_died_is_removed(alice: User) -> None:
    card = await alice.make_card()
    socket = await alice.socket()
    await socket.ask({"type": "subscribe", "context_id": card["id"]})
    assert followers(alice, card["id"]) == 1

    socket.connection.transport.abort()
    await alice.ended(await alice.create_job(card))

    async with asyncio.timeout(20):
        while followers(alice, card["id"]):
            await asyncio.sleep(0.2)


def followers(user: User, context_id: str) -> int:
    answer: dict[str, Any] = ministack.client("dynamodb", user.stack.aws_endpoint_url).query(
        TableName=user.stack.connections_table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"CTX#{context_id}"}},
    )
    count: int = answer["Count"]
    return count


async def test_a_foreign_card_cannot_be_followed(alice: User, bob: User) -> None:
    card = await alice.make_card()
    socket = await bob.socket()

    foreign = await socket.ask({"type": "subscribe", "id": "1", "context_id": card["id"]})
    unknown = await socket.ask({"type": "subscribe", "id": "1", "context_id": "0198f2a0-0000-7000-8000-000000000001"})
    await socket.close()

    assert foreign == unknown
    assert foreign["error"]["code"] == "CONTEXT_NOT_FOUND"


async def test_updates_can_be_read_without_a_socket(alice: User) -> None:
    card = await alice.make_card()
    await alice.ended(await alice.create_job(card))

    page = await alice.call("GET", f"/api/cards/{card['id']}/updates?after=1")

    assert [item["offset"] for item in page["items"]] == list(range(2, page["offset"] + 1))
    assert page["complete"] is True


async def test_without_a_token_there_is_no_ticket(alice: User) -> None:
    async with httpx.AsyncClient(base_url=alice.stack.http) as anyone:
        assert (await anyone.post("/api/connections/ticket")).status_code == 401
