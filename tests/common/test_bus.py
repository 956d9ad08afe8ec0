import asyncio
import io
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import aio_pika
import aiormq
import pytest

from common.bus import (
    BROKER_AWAY,
    BrokerRefusedError,
    Publisher,
    broker_deadline,
    open_link,
    open_publisher,
)
from common.log_events import COMMON_EVENTS
from common.outbox import OutgoingMessage
from tests.common.log_lines import logging_into
from tests.support.queues import channel_of, take
from tests.support.tcp_proxy import TcpProxy
from tests.support.virtual_hosts import VirtualHost
from tests.support.waiting import wait_until


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reconnect at once: how long the pauses are is not what these tests are about."""
    monkeypatch.setattr("common.bus._jittered", lambda _seconds, *, spread: 0.02 * bool(spread))


@pytest.fixture
async def publisher(amqp: VirtualHost) -> AsyncIterator[Publisher]:
    async with open_publisher(amqp.gateway, name="test") as publisher:
        yield publisher


def row(
    event_id: str = "e1",
    *,
    exchange: str = "waystation.commands",
    routing_key: str = "update-metadata.v1",
    expires_in: timedelta | None = None,
) -> OutgoingMessage:
    return OutgoingMessage(
        id=1,
        event_id=event_id,
        exchange=exchange,
        routing_key=routing_key,
        body=b'{"a":1}',
        attempts=1,
        expires_in=expires_in,
    )


async def test_what_arrives(publisher: Publisher, amqp: VirtualHost) -> None:
    """A published message is persistent JSON with its logical id, and expires when the row says so."""
    assert await publisher.publish(row(expires_in=timedelta(seconds=90)))
    message = await take(amqp.admin, "metadata-sync")
    assert message.body == b'{"a":1}'
    assert message.content_type == "application/json"
    assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert message.headers["x-event-id"] == "e1"
    assert message.expiration == 90


async def test_every_attempt_has_an_id_of_its_own(publisher: Publisher, amqp: VirtualHost) -> None:
    """Two attempts at one row differ in their AMQP message id, and agree in their logical id."""
    assert await publisher.publish(row())
    assert await publisher.publish(row())
    first, second = await take(amqp.admin, "metadata-sync"), await take(amqp.admin, "metadata-sync")
    assert first.message_id
    assert second.message_id
    assert first.message_id != second.message_id
    assert first.headers["x-event-id"] == second.headers["x-event-id"] == "e1"


async def test_unroutable_is_not_published(publisher: Publisher) -> None:
    """A message that no queue takes is not reported as published."""
    assert not await publisher.publish(row(routing_key="nobody-listens.v1"))


async def test_unroutable_among_others(publisher: Publisher, amqp: VirtualHost) -> None:
    """Of many in flight, attempts at one row included, each gets its own answer."""
    keys = ["update-metadata.v1", "nobody-listens.v1"] * 20
    answers = await asyncio.gather(*(publisher.publish(row(routing_key=key)) for key in keys))
    assert answers == [True, False] * 20
    await amqp.until_depth("metadata-sync", 20)


async def test_many_at_once(publisher: Publisher, amqp: VirtualHost) -> None:
    """Of many that go out together each gets its own answer, and each arrives whole and once."""
    rows = [
        row("e1"),
        row("e2", routing_key="nobody-listens.v1"),
        row("e3", expires_in=timedelta(0)),
        replace(row("e4"), body=b"x" * 300_000),
        row("e5"),
    ]
    rows = [replace(one, id=number) for number, one in enumerate(rows)]
    assert await publisher.publish_all(rows) == [True, False, True, True, True]
    arrived = [await take(amqp.admin, "metadata-sync") for _ in range(3)]
    assert [message.headers["x-event-id"] for message in arrived] == ["e1", "e4", "e5"]
    assert [len(message.body) for message in arrived] == [7, 300_000, 7]
    assert await publisher.publish_all([]) == []


@pytest.mark.parametrize("exchange", ["waystation.nothing", "waystation.events", ""])
async def test_an_exchange_that_is_not_ours(publisher: Publisher, exchange: str) -> None:
    """A missing or forbidden exchange is not published to, and other messages go on."""
    assert not await publisher.publish(row(exchange=exchange, routing_key="gateway"))

    async def works_again() -> bool:
        return await publisher.publish(row())

    await wait_until(works_again)


async def test_too_late(publisher: Publisher, amqp: VirtualHost) -> None:
    """A message that nobody can use any more counts as done and is not sent."""
    assert await publisher.publish(row(expires_in=timedelta(0)))
    assert await publisher.publish(row(expires_in=timedelta(seconds=-5)))
    assert await amqp.depth("metadata-sync") == 0


async def test_a_dead_letter(publisher: Publisher, amqp: VirtualHost) -> None:
    """A parked message lands beside the queue it came from, with its headers."""
    await publisher.dead_letter(b"garbage", queue="proofing", headers={"x-reason": "malformed"})
    message = await take(amqp.admin, "proofing.dead")
    assert (message.body, message.headers["x-reason"]) == (b"garbage", "malformed")


async def test_a_queue_that_is_full(publisher: Publisher, amqp: VirtualHost) -> None:
    """A message that the broker refuses for want of room is not reported as published."""
    async with channel_of(amqp.admin) as channel:
        full = await channel.declare_queue(
            exclusive=True, arguments={"x-max-length": 1, "x-overflow": "reject-publish"}
        )
        await full.bind("waystation.commands", "small.v1")
        answers = [await publisher.publish(row(routing_key="small.v1")) for _ in range(3)]
    assert answers == [True, False, False]


async def test_a_cut_line(amqp: VirtualHost) -> None:
    """A cut line makes nothing look published that is not, and publishing works again by itself."""
    async with (
        TcpProxy.to(amqp.gateway) as proxy,
        open_publisher(proxy.url(amqp.gateway), name="x") as publisher,
    ):
        assert await publisher.publish(row("before"))
        await proxy.refuse()
        await wait_until(lambda: not publisher.is_connected)
        meanwhile = asyncio.create_task(publisher.publish(row("meanwhile")))
        proxy.accept()
        await wait_until(lambda: publisher.is_connected)
        sent = ["before"] + ["meanwhile"] * await meanwhile

        async def works_again() -> bool:
            return await publisher.publish(row("after"))

        await wait_until(works_again)
        sent.append("after")
    arrived = [(await take(amqp.admin, "metadata-sync")).headers["x-event-id"] for _ in sent]
    assert arrived == sent


async def test_a_cut_line_is_told(amqp: VirtualHost) -> None:
    """A lost connection is one warning, its repair one line, and a connection that we close is neither."""
    with logging_into(io.StringIO(), COMMON_EVENTS, strict=True) as lines:
        async with TcpProxy.to(amqp.gateway) as proxy, open_link(proxy.url(amqp.gateway), name="x") as link:
            await wait_until(lambda: link.is_up)
            await proxy.refuse()
            await wait_until(lambda: proxy.refused >= 2)
            proxy.accept()
            await wait_until(lambda: link.is_up)
            await wait_until(lambda: "broker.available" in lines.text)
        told = [(line["severity"], line["event"]) for line in lines.all if line["event"] != "library.message"]
    assert told == [("WARNING", "broker.unavailable"), ("INFO", "broker.available")]


async def test_a_late_broker_is_told(amqp: VirtualHost) -> None:
    """A service that started before its broker says when it is there."""
    with logging_into(io.StringIO(), COMMON_EVENTS, strict=True) as lines:
        async with TcpProxy.to(amqp.gateway) as proxy:
            await proxy.refuse()
            async with open_link(proxy.url(amqp.gateway), name="x") as link:
                await wait_until(lambda: proxy.refused >= 2)
                proxy.accept()
                await link.connection()
        told = [line["event"] for line in lines.all if line["event"] != "library.message"]
    assert told[0] == "broker.unavailable"
    assert told.count("broker.available") == 1
    assert told[-1] == "broker.available"


async def test_a_broker_that_hangs_up() -> None:
    """What the library says of a line that ends before its first frame is an error of a broker away."""
    with pytest.raises(BROKER_AWAY):
        async with broker_deadline(1.0):
            raise StopAsyncIteration


async def test_a_confirm_that_never_comes(amqp: VirtualHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a confirm within the deadline the outcome is unknown, which is not published."""
    monkeypatch.setattr("common.bus.PUBLISH_SECONDS", 0.5)
    async with (
        TcpProxy.to(amqp.gateway) as proxy,
        open_publisher(proxy.url(amqp.gateway), name="x") as publisher,
    ):
        assert await publisher.publish(row("before"))
        proxy.hold()
        begun = time.monotonic()
        assert not await publisher.publish(row())
        assert time.monotonic() - begun < 2
        proxy.release()


async def test_a_client_that_gives_up(amqp: VirtualHost) -> None:
    """The library cancels who waits on a connection that it gives up: that is a failed attempt."""
    async with (
        TcpProxy.to(amqp.gateway) as proxy,
        open_publisher(proxy.url(amqp.gateway), name="x") as publisher,
    ):
        assert await publisher.publish(row("before"))
        proxy.hold()
        waiting = asyncio.create_task(publisher.publish(row()))
        transport = (await publisher._link.connection()).transport
        assert transport is not None
        await wait_until(
            lambda: any(
                channel.confirmations
                for channel in transport.connection.channels.values()
                if isinstance(channel, aiormq.Channel)
            )
        )
        closing = asyncio.create_task(transport.connection.close(asyncio.CancelledError()))
        assert await waiting is False
        proxy.release()
        await closing


async def test_our_own_cancel_stays_one(amqp: VirtualHost) -> None:
    """A publish whose task is cancelled is cancelled, not failed."""
    async with (
        TcpProxy.to(amqp.gateway) as proxy,
        open_publisher(proxy.url(amqp.gateway), name="x") as publisher,
    ):
        assert await publisher.publish(row("before"))
        proxy.hold()
        task = asyncio.create_task(publisher.publish(row()))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        proxy.release()


async def test_a_wrong_password(amqp: VirtualHost) -> None:
    """A refused user is an error that shows no password: waiting would not help."""
    async with open_link(amqp.gateway.replace("://gateway:", "://gateway:canary-7f3a"), name="x") as link:
        with pytest.raises(BrokerRefusedError) as caught:
            await link.connection()
        assert not link.is_up
    assert str(caught.value) == "the broker refuses this user, password or virtual host"


async def test_a_virtual_host_that_is_not_there(amqp: VirtualHost) -> None:
    """So is an unknown virtual host."""
    async with open_link(amqp.gateway + "-nowhere", name="x") as link:
        with pytest.raises(BrokerRefusedError):
            await link.connection()


async def test_a_broker_that_comes_later(amqp: VirtualHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service may start before its broker: nothing looks published until it is there, then all works."""
    monkeypatch.setattr("common.bus.PUBLISH_SECONDS", 0.1)
    async with TcpProxy.to(amqp.gateway) as proxy:
        await proxy.refuse()
        async with open_publisher(proxy.url(amqp.gateway), name="x") as publisher:
            assert not await publisher.publish(row())
            await wait_until(lambda: proxy.refused >= 3)
            assert not publisher.is_connected
            monkeypatch.setattr("common.bus.PUBLISH_SECONDS", 3.0)
            proxy.accept()
            assert await publisher.publish(row())
            assert publisher.is_connected


async def test_closed_before_the_broker_came(amqp: VirtualHost) -> None:
    """A service that is told to stop while its broker is away does not wait for it."""
    async with TcpProxy.to(amqp.gateway) as proxy:
        await proxy.refuse()
        async with open_publisher(proxy.url(amqp.gateway), name="x") as publisher:
            await wait_until(lambda: proxy.refused >= 1)
        assert not publisher.is_connected


async def test_closing_without_a_broker(amqp: VirtualHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing ends within its deadline, also while the broker swallows every packet."""
    monkeypatch.setattr("common.bus.SETUP_SECONDS", 0.3)
    async with TcpProxy.to(amqp.gateway) as proxy:
        async with open_publisher(proxy.url(amqp.gateway), name="x") as publisher:
            await wait_until(lambda: publisher.is_connected)
            proxy.hold()
            begun = time.monotonic()
        assert time.monotonic() - begun < 3
        proxy.release()
