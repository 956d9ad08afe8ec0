"""What goes into a broker's queues and what comes out, by a URL of whoever may."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from tests.support.waiting import wait_until

_SECONDS = 20.0


@asynccontextmanager
async def channel_of(url: str) -> AsyncIterator[AbstractChannel]:
    connection = await aio_pika.connect(url)
    async with connection, connection.channel() as channel:
        yield channel


async def publish(url: str, *bodies: bytes, exchange: str, routing_key: str) -> None:
    """Publish messages of these bodies, one after the other."""
    async with channel_of(url) as channel:
        target = await channel.get_exchange(exchange, ensure=False)
        for body in bodies:
            await target.publish(aio_pika.Message(body), routing_key)


async def take(url: str, queue: str) -> AbstractIncomingMessage:
    """The next message of a queue, removed from it; waits until there is one."""
    async with channel_of(url) as channel:
        source = await channel.get_queue(queue, ensure=False)
        message = await wait_until(
            lambda: source.get(no_ack=True, fail=False), _SECONDS, what=f"a message in {queue}"
        )
        assert message is not None
        return message
