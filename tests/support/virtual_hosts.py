"""A clean virtual host per test, out of a few that the broker made at its start.

Only the management plugin could make one at run time, and stopping a node that has it takes six seconds.
"""

import fcntl
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from aio_pika.abc import AbstractChannel

from tests.support.broker_definitions import ADMIN, queue_names
from tests.support.errors import BrokerNotIdleError, DeadlineError
from tests.support.queues import channel_of
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
        async with channel_of(self.admin) as channel:
            return await _messages(channel, queue)

    async def until_depth(self, queue: str, count: int) -> None:
        """Wait until so many messages are ready in a queue."""

        async def has_come() -> bool:
            return await self.depth(queue) == count

        await wait_until(has_come, what=f"{count} messages in {queue}")

    async def empty(self) -> None:
        """Wait until nobody consumes, then purge every queue.

        Raises:
            BrokerNotIdleError: somebody still consumes.
        """
        async with channel_of(self.admin) as channel:
            for queue in queue_names():
                await _wait_idle(channel, queue)
                purged = await channel.get_queue(queue, ensure=False)
                await purged.purge()


class lease_virtual_host:  # noqa: N801 - used as the function that it stands for
    """An empty virtual host that nobody else uses meanwhile, in this process or another.

    A class, not a generator: it may be entered in one event loop and left in another, and a loop that closes
    ends the generators that were begun in it.
    """

    def __init__(self, broker: RabbitMQ, *, names: Sequence[str], locks: Path) -> None:
        self._broker = broker
        self._names = names
        self._locks = locks
        self._held = ExitStack()
        self._vhost: VirtualHost | None = None

    async def __aenter__(self) -> VirtualHost:
        self._vhost = VirtualHost.on(self._broker, self._lock_one())
        try:
            await self._vhost.empty()
        except BaseException:
            self._held.close()
            raise
        return self._vhost

    async def __aexit__(self, *_error: object) -> None:
        with self._held:
            if self._vhost is not None:
                await self._vhost.empty()

    def _lock_one(self) -> str:
        for name in self._names:
            lock = (self._locks / f"{name}.lock").open("w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                continue
            self._held.enter_context(lock)
            return name
        raise BrokerNotIdleError(f"all {len(self._names)} virtual hosts for tests are in use")


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
