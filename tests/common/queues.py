"""What stands in a queue, seen as the broker's administrator."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from tests.support.virtual_hosts import VirtualHost
from tests.support.waiting import wait_until


@asynccontextmanager
async def admin_channel(vhost: VirtualHost) -> AsyncIterator[AbstractChannel]:
    connection = await aio_pika.connect(vhost.admin)
    async with connection, connection.channel() as channel:
        yield channel


async def take(vhost: VirtualHost, queue: str) -> AbstractIncomingMessage:
    """The next message of a queue, removed from it; waits until there is one."""
    async with admin_channel(vhost) as channel:
        source = await channel.get_queue(queue, ensure=False)

        async def taken() -> AbstractIncomingMessage | None:
            return await source.get(fail=False, no_ack=True)

        message = await wait_until(taken, what=f"a message in {queue}")
        assert message is not None
        return message


async def wait_for_depth(vhost: VirtualHost, queue: str, count: int) -> None:
    """Wait until so many messages are ready in a queue."""

    async def has_come() -> bool:
        return await vhost.depth(queue) == count

    await wait_until(has_come, what=f"{count} messages in {queue}")
