"""Deliveries of a real broker, nearly all of which the client library never reads."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from aiormq.abc import DeliveredMessage

from common.bus import Link, Publisher, open_link, open_publisher
from common.deliveries import Delivery, PlainConsumer, PlainDelivery, will_come_again
from common.outbox import OutgoingMessage
from common.subscription import Subscription
from tests.support.clock import FakeClock
from tests.support.tcp_proxy import TcpProxy
from tests.support.virtual_hosts import VirtualHost
from tests.support.waiting import wait_until
from tests.tenant.tls import server_context

QUEUE = "metadata-sync"
MORE_THAN_A_FRAME = 300_000


@dataclass
class Rig:
    """What a subscription is handed, and which bodies the library has read for it."""

    link: Link
    subscription: Subscription
    read: list[bytes]
    arrived: list[Delivery] = field(default_factory=list)

    @property
    def bodies(self) -> list[bytes]:
        return [delivery.body for delivery in self.arrived]

    async def has_got(self, *bodies: bytes) -> None:
        await wait_until(lambda: set(self.bodies) == set(bodies), 20, what=f"{len(bodies)} deliveries")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The bodies of what the library reads, which here is only what it has to."""
    monkeypatch.setattr("common.bus._jittered", lambda _seconds, *, spread: 0.02 * bool(spread))
    monkeypatch.setattr("common.sieve.LIBRARY_READS_ONE_EVERY_SECONDS", float("inf"))
    bodies: list[bytes] = []
    original = PlainConsumer.__call__

    async def noted(consumer: PlainConsumer, message: DeliveredMessage) -> None:
        bodies.append(message.body)
        await original(consumer, message)

    monkeypatch.setattr(PlainConsumer, "__call__", noted)
    return bodies


@asynccontextmanager
async def subscribed(url: str, read: list[bytes], clock: FakeClock) -> AsyncIterator[Rig]:
    """At the end the connection is closed, and what was not acknowledged goes back."""
    arrived: list[Delivery] = []
    async with open_link(url, name="test: consume") as link:
        subscription = Subscription(link=link, queue=QUEUE, prefetch=64, arrive=arrived.append, clock=clock)
        task = asyncio.create_task(subscription.run())
        try:
            await wait_until(lambda: subscription.is_active, what="a subscription")
            yield Rig(link=link, subscription=subscription, read=read, arrived=arrived)
        finally:
            task.cancel()
            await asyncio.wait({task})


@pytest.fixture
async def gateway(amqp: VirtualHost) -> AsyncIterator[Publisher]:
    async with open_publisher(amqp.gateway, name="test: send") as publisher:
        yield publisher


async def send(gateway: Publisher, *bodies: bytes) -> None:
    rows = [
        OutgoingMessage(
            id=number,
            event_id=f"e{number}",
            exchange="waystation.commands",
            routing_key="update-metadata.v1",
            body=body,
            attempts=1,
            expires_in=None,
        )
        for number, body in enumerate(bodies)
    ]
    assert all(await gateway.publish_all(rows))


async def test_what_the_library_reads(
    amqp: VirtualHost, gateway: Publisher, read: list[bytes], clock: FakeClock
) -> None:
    """Messages of one frame are taken before it; larger and empty ones it reads, and all can be settled."""
    large = b"x" * MORE_THAN_A_FRAME
    async with subscribed(amqp.metadata_sync, read, clock) as rig:
        await send(gateway, b"1", b"", b"2", large, b"3", b"y" * 100_000)
        await rig.has_got(b"1", b"", b"2", large, b"3", b"y" * 100_000)
        assert sorted(rig.read) == [b"", large]
        assert [delivery.headers["x-event-id"] for delivery in rig.arrived if delivery.body == b"3"] == ["e4"]
        assert not any(delivery.redelivered for delivery in rig.arrived)
        for delivery in rig.arrived:
            await delivery.ack()
    assert await amqp.depth(QUEUE) == 0


async def test_what_comes_again(
    amqp: VirtualHost, gateway: Publisher, read: list[bytes], clock: FakeClock
) -> None:
    """What was not acknowledged is delivered to the next, marked as such, and is taken as well."""
    async with AsyncExitStack() as line:
        first = await line.enter_async_context(subscribed(amqp.metadata_sync, read, clock))
        await send(gateway, b"1", b"2", b"3")
        await first.has_got(b"1", b"2", b"3")
        await next(delivery for delivery in first.arrived if delivery.body == b"1").ack()
        async with subscribed(amqp.metadata_sync, read, clock) as second:
            await line.aclose()
            await second.has_got(b"2", b"3")
            assert [delivery.redelivered for delivery in second.arrived] == [True, True]
            assert {delivery.headers["x-event-id"] for delivery in second.arrived} == {"e1", "e2"}
            for delivery in second.arrived:
                await delivery.ack()
    assert await amqp.depth(QUEUE) == 0
    assert read == []


async def test_after_a_cut_line_and_a_closed_channel(
    amqp: VirtualHost, gateway: Publisher, read: list[bytes], clock: FakeClock
) -> None:
    """The connection and the channel that come back are sieved as the first ones were."""
    async with (
        TcpProxy.to(amqp.metadata_sync) as proxy,
        subscribed(proxy.url(amqp.metadata_sync), read, clock) as rig,
    ):

        async def comes_plainly() -> bool:
            """What comes right after a line has come back may still come by the library."""
            before = len(rig.arrived)
            rig.read.clear()
            await send(gateway, b"1")
            await wait_until(lambda: len(rig.arrived) > before, 20, what="a delivery")
            return isinstance(rig.arrived[-1], PlainDelivery) and not rig.read

        def newest() -> Delivery:
            current = [delivery for delivery in rig.arrived if not will_come_again(delivery)]
            return max(current, key=lambda delivery: delivery.delivery_tag or 0)

        assert await comes_plainly()
        await proxy.cut()
        await wait_until(lambda: len(rig.arrived) == 2, 20, what="the delivery that comes again")
        await wait_until(comes_plainly, 20, what="a line that is sieved")
        await newest().ack(multiple=True)
        await newest().channel.basic_ack(99_999)  # the broker closes the channel of who says so
        await wait_until(partial(will_come_again, rig.arrived[-1]), 20, what="a closed channel")
        await wait_until(comes_plainly, 20, what="a channel that is sieved")
        await newest().ack(multiple=True)
    assert await amqp.depth(QUEUE) == 0


async def test_over_tls(
    amqp: VirtualHost, gateway: Publisher, read: list[bytes], clock: FakeClock, tmp_path: Path
) -> None:
    """An encrypted line is sieved as well."""
    tls = server_context(tmp_path, hosts=("127.0.0.1",))
    async with TcpProxy.to(amqp.metadata_sync, tls=tls) as proxy:
        url = proxy.url(amqp.metadata_sync).replace("amqp://", "amqps://") + f"?cafile={tmp_path}/ca.pem"
        async with subscribed(url, read, clock) as rig:
            await send(gateway, b"1", b"", b"2")
            await rig.has_got(b"1", b"", b"2")
            assert rig.read == [b""]
            await rig.arrived[-1].ack(multiple=True)
