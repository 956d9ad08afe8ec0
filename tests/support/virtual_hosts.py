"""A clean virtual host per test, out of a few that the broker made at its start.

Only the management plugin could make one at run time, and stopping a node that has it takes six seconds.
"""

import fcntl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aio_pika
from aio_pika.abc import AbstractChannel

from tests.support.broker_definitions import ADMIN, queue_names
from tests.support.errors import BrokerNotIdleError, DeadlineError
from tests.support.rabbitmq import RabbitMQ
from tests.support.waiting import wait_until

_IDLE_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class VirtualHost:
    """One virtual host and a URL for everybody who may enter it."""

    name: str
    admin: str = field(repr=False)
    gateway: str = field(repr=False)
    proofing: str = field(repr=False)
    metadata_sync: str = field(repr=False)

    @classmethod
    def on(cls, broker: RabbitMQ, name: str) -> "VirtualHost":
        return cls(
            name=name,
            admin=broker.url(ADMIN, vhost=name),
            gateway=broker.url("gateway", vhost=name),
            proofing=broker.url("proofing", vhost=name),
            metadata_sync=broker.url("metadata-sync", vhost=name),
        )

    def of(self, service: str) -> str:
        """The URL of a service by its name, hyphen and all."""
        return {
            "gateway": self.gateway,
            "proofing": self.proofing,
            "metadata-sync": self.metadata_sync,
        }[service]

    async def depth(self, queue: str) -> int:
        """How many messages wait in a queue, those not counted that a consumer holds."""
        async with self._channel() as channel:
            return await _messages(channel, queue)

    async def empty(self) -> None:
        """Wait until nobody consumes, then purge every queue.

        Raises:
            BrokerNotIdleError: somebody still consumes.
        """
        async with self._channel() as channel:
            for queue in queue_names():
                await _wait_idle(channel, queue)
                purged = await channel.get_queue(queue, ensure=False)
                await purged.purge()

    @asynccontextmanager
    async def _channel(self) -> AsyncIterator[AbstractChannel]:
        connection = await aio_pika.connect(self.admin)
        async with connection, connection.channel() as channel:
            yield channel


@asynccontextmanager
async def lease_virtual_host(
    broker: RabbitMQ, *, names: Sequence[str], locks: Path
) -> AsyncIterator[VirtualHost]:
    """An empty virtual host that nobody else uses meanwhile, in this process or another."""
    for name in names:
        with (locks / f"{name}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            vhost = VirtualHost.on(broker, name)
            await vhost.empty()
            yield vhost
            await vhost.empty()
            return
    raise BrokerNotIdleError(f"all {len(names)} virtual hosts for tests are in use")


async def _wait_idle(channel: AbstractChannel, queue: str) -> None:
    async def idle() -> bool:
        declared = await channel.declare_queue(queue, passive=True)
        return not declared.declaration_result.consumer_count

    try:
        await wait_until(idle, _IDLE_SECONDS)
    except DeadlineError:
        raise BrokerNotIdleError(f"somebody still consumes from {queue}") from None


async def _messages(channel: AbstractChannel, queue: str) -> int:
    declared = await channel.declare_queue(queue, passive=True)
    return declared.declaration_result.message_count or 0
