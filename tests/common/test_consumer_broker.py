"""The broker goes, comes back, closes channels and loses queues; no work is lost, and none is cancelled."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aio_pika.abc import AbstractQueue
from structlog.testing import capture_logs
from structlog.typing import EventDict

from common.consumer import Consumer, PoisonMessageError
from common.messages import Message
from tests.common.consuming import QUEUE, Rig, rig_on
from tests.support.clock import FakeClock
from tests.support.databases import ServiceDatabase
from tests.support.queues import channel_of, take
from tests.support.tcp_proxy import TcpProxy
from tests.support.virtual_hosts import VirtualHost
from tests.support.waiting import wait_until

LATE = "metadata-sync.late"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reconnect at once: how long the pauses are is not what these tests are about."""
    monkeypatch.setattr("common.bus._jittered", lambda _seconds, *, spread: 0.02 * bool(spread))
    monkeypatch.setattr("common.subscription.SUBSCRIBE_EVERY_SECONDS", 0.05)


@pytest.fixture
async def rig(database: ServiceDatabase, amqp: VirtualHost, clock: FakeClock) -> AsyncIterator[Rig]:
    async with rig_on(database, amqp, clock) as rig:
        yield rig


@pytest.fixture
async def proxy(amqp: VirtualHost) -> AsyncIterator[TcpProxy]:
    async with TcpProxy.to(amqp.metadata_sync) as proxy:
        yield proxy


async def consumes(consumer: Consumer) -> None:
    await wait_until(lambda: consumer.is_consuming, what="a consumer that consumes")


def errors_of(logs: list[EventDict]) -> set[str]:
    return {str(entry.get("error_type")) for entry in logs}


async def test_work_survives_a_cut_line(rig: Rig, proxy: TcpProxy) -> None:
    """A handler that runs while the line is cut finishes; the message comes again and is acknowledged."""
    may_finish = asyncio.Event()

    async def wait(_message: Message) -> None:
        await may_finish.wait()

    rig.handle = wait
    await rig.send("e1")
    async with rig.consuming(proxy.url(rig.amqp.metadata_sync)):
        await rig.has_begun("e1")
        await proxy.cut()
        await rig.has_begun("e1", "e1")
        may_finish.set()
        await rig.has_finished("e1", "e1")
    assert await rig.amqp.depth(QUEUE) == 0
    assert await rig.attempts() == [("e1", 1)]


async def test_a_cut_line_again_and_again(rig: Rig, proxy: TcpProxy) -> None:
    """After every cut the consumer is back by itself, and each message is handled at least once."""
    async with rig.consuming(proxy.url(rig.amqp.metadata_sync)) as consumer:
        for n in range(5):
            await rig.send(f"e{n}")
            await wait_until(lambda: f"e{n}" in rig.finished)  # noqa: B023 - waited for in the same turn
            await proxy.cut()
            await consumes(consumer)
    assert set(rig.finished) == {f"e{n}" for n in range(5)}


async def test_a_broker_that_is_down_for_a_while(rig: Rig, proxy: TcpProxy) -> None:
    """While the broker is down the consumer says so; afterwards what was sent meanwhile is handled."""
    async with rig.consuming(proxy.url(rig.amqp.metadata_sync)) as consumer:
        await consumes(consumer)
        await proxy.refuse()
        await wait_until(lambda: not consumer.is_consuming)
        await rig.send("e1")
        await wait_until(lambda: proxy.refused >= 2)
        proxy.accept()
        await rig.has_finished("e1")
        assert consumer.is_consuming


async def test_the_prefetch_outlives_a_cut_line(rig: Rig, proxy: TcpProxy) -> None:
    """Also after a reconnect no more than 64 messages are taken from the queue."""
    may_finish = asyncio.Event()

    async def wait(_message: Message) -> None:
        await may_finish.wait()

    rig.handle = wait
    async with rig.consuming(proxy.url(rig.amqp.metadata_sync)) as consumer:
        await consumes(consumer)
        await proxy.cut()
        await consumes(consumer)
        await rig.send(*(f"e{n}" for n in range(70)))
        await rig.amqp.until_depth(QUEUE, 6)
        may_finish.set()
        await wait_until(lambda: len(rig.finished) == 70)


async def test_what_a_lost_channel_left_is_not_begun(rig: Rig, proxy: TcpProxy) -> None:
    """What was delivered but not begun when the line was cut is handled once, when it comes again."""
    may_finish = asyncio.Event()

    async def wait(_message: Message) -> None:
        await may_finish.wait()

    rig.handle = wait
    ids = [f"e{n}" for n in range(40)]
    await rig.send(*ids)
    async with rig.consuming(proxy.url(rig.amqp.metadata_sync)) as consumer:
        await wait_until(lambda: len(rig.begun) == 16)
        await wait_until(lambda: consumer._deliveries.qsize() == 24)
        await proxy.cut()
        await wait_until(lambda: consumer._deliveries.qsize() == 24 + 40)
        may_finish.set()
        await wait_until(lambda: set(rig.finished) == set(ids))
        await wait_until(consumer._deliveries.empty)
    assert len(rig.finished) == 16 + 40
    assert await rig.amqp.depth(QUEUE) == 0


async def test_a_channel_that_the_broker_closes(rig: Rig) -> None:
    """A channel that the broker closed, as it does after 30 minutes without an ack, is opened again."""
    async with rig.consuming() as consumer:
        await consumes(consumer)
        for n in range(3):
            await provoke_channel_error(consumer)
            await rig.send(f"e{n}")
            await wait_until(lambda: f"e{n}" in rig.finished)  # noqa: B023 - waited for in the same turn


async def provoke_channel_error(consumer: Consumer) -> None:
    """Acknowledge what was never delivered: 406 PRECONDITION_FAILED."""
    transport = (await consumer._subscription._link.connection()).transport
    assert transport is not None
    (channel,) = (c for c in transport.connection.channels.values() if c is not None and c.number)
    await channel.basic_ack(99_999)
    await wait_until(lambda: channel.is_closed)


@asynccontextmanager
async def late_queue(amqp: VirtualHost) -> AsyncIterator[AbstractQueue]:
    """A queue beside the deployed ones, gone at the end."""
    async with channel_of(amqp.admin) as channel:
        queue = await channel.declare_queue(LATE, durable=True, arguments={"x-queue-type": "quorum"})
        try:
            await queue.bind("waystation.commands", "update-metadata.v1")
            yield queue
        finally:
            await queue.delete(if_unused=False, if_empty=False)


async def test_a_queue_that_comes_later(rig: Rig, amqp: VirtualHost) -> None:
    """Without its queue the consumer waits and is not ready; when the queue is there it consumes."""
    with capture_logs() as logs:
        async with rig.consuming(amqp.admin, queue=LATE) as consumer:
            await wait_until(lambda: "ChannelNotFoundEntity" in errors_of(logs))
            assert not consumer.is_consuming
            async with late_queue(amqp):
                await consumes(consumer)
                await rig.send("e1")
                await rig.has_finished("e1")


async def test_a_queue_that_is_deleted_and_made_again(rig: Rig, amqp: VirtualHost) -> None:
    """A consumer whose queue was deleted notices at its next look, and comes back when the queue does."""
    async with AsyncExitStack() as first:
        await first.enter_async_context(late_queue(amqp))
        async with rig.consuming(amqp.admin, queue=LATE) as consumer:
            await consumes(consumer)
            await first.aclose()
            await wait_until(lambda: rig.clock.sleeping)
            rig.clock.advance(30)
            await wait_until(lambda: not consumer.is_consuming)
            async with late_queue(amqp):
                await consumes(consumer)
                await rig.send("e1")
                await rig.has_finished("e1")


async def test_a_look_that_finds_everything_well(rig: Rig) -> None:
    """Looking at the broker changes nothing for a consumer that it knows."""
    async with rig.consuming() as consumer:
        for n in range(3):
            await wait_until(lambda: rig.clock.sleeping)
            rig.clock.advance(30)
            await rig.send(f"e{n}")
            await wait_until(lambda: f"e{n}" in rig.finished)  # noqa: B023 - waited for in the same turn
            assert consumer.is_consuming


async def test_a_queue_that_is_not_ours(rig: Rig, amqp: VirtualHost) -> None:
    """A queue that this service may not read is not consumed; the consumer is not ready, and stops."""
    with capture_logs() as logs:
        async with rig.consuming(amqp.metadata_sync, queue="gateway") as consumer:
            await wait_until(lambda: "ChannelAccessRefused" in errors_of(logs))
            assert not consumer.is_consuming


async def test_stopping_without_a_broker(rig: Rig, proxy: TcpProxy) -> None:
    """Told to stop while the broker is away, the consumer finishes its work and stops within seconds."""
    may_finish = asyncio.Event()

    async def wait(_message: Message) -> None:
        await may_finish.wait()

    rig.handle = wait
    await rig.send("e1")
    async with rig.consuming(proxy.url(rig.amqp.metadata_sync)):
        await rig.has_begun("e1")
        await proxy.refuse()
        asyncio.get_running_loop().call_later(0.1, may_finish.set)
        begun = time.monotonic()
    assert rig.finished == ["e1"]
    assert time.monotonic() - begun < 5
    await rig.amqp.until_depth(QUEUE, 1)


async def test_parking_waits_for_the_broker(
    database: ServiceDatabase, amqp: VirtualHost, clock: FakeClock
) -> None:
    """A poison message stays ours until the broker has confirmed its dead letter."""

    async def refuse(_message: Message) -> None:
        raise PoisonMessageError("x")

    async with (
        TcpProxy.to(amqp.metadata_sync) as proxy,
        rig_on(database, amqp, clock, publish_url=proxy.url(amqp.metadata_sync)) as rig,
    ):
        rig.handle = refuse
        await proxy.refuse()
        await wait_until(lambda: not rig.publisher.is_connected)
        await rig.send("e1")
        async with rig.consuming():
            await rig.has_begun("e1")
            proxy.accept()
            letter = await take(amqp.admin, f"{QUEUE}.dead")
            assert letter.headers["x-event-id"] == "e1"
    assert await amqp.depth(QUEUE) == 0
