"""Stays subscribed to one queue, whatever becomes of broker, channel and queue."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from aio_pika.abc import AbstractIncomingMessage, AbstractRobustQueue
from aio_pika.exceptions import ChannelNotFoundEntity

from common.bus import BROKER_AWAY, SETUP_SECONDS, Link, broker_deadline
from common.clock import Clock
from common.deliveries import Delivery, hand_over_plainly

ACK_SECONDS = 3.0
WATCH_SECONDS = 30.0
SUBSCRIBE_EVERY_SECONDS = 1.0

log = structlog.stdlib.get_logger()


class Subscription:
    """Hands deliveries to `arrive`, of which the broker sends `prefetch` ahead of their acknowledgements."""

    def __init__(
        self, *, link: Link, queue: str, prefetch: int, arrive: Callable[[Delivery], None], clock: Clock
    ) -> None:
        self._link = link
        self._queue_name = queue
        self._prefetch = prefetch
        self._arrive = arrive
        self._clock = clock
        self._is_known_to_broker = False

    @property
    def is_active(self) -> bool:
        return self._is_known_to_broker and self._link.is_up

    async def run(self) -> None:
        """Stay subscribed until cancelled; what has arrived by then can still be acknowledged."""
        try:
            while True:
                await self._stay_until_lost()
        finally:
            self._is_known_to_broker = False

    async def _stay_until_lost(self) -> None:
        queue, tag = await self._subscribe()
        self._is_known_to_broker = True
        try:
            await self._watch()
        except asyncio.CancelledError:
            await unless_broker_is_away(queue.cancel(tag))  # running handlers still need the channel
            raise
        await unless_broker_is_away(queue.channel.close())

    async def _subscribe(self) -> tuple[AbstractRobustQueue, str]:
        """The subscription, once broker and queue are there: the topology may be loaded after our start.

        After a lost connection the client library renews it by itself.
        """
        connection = await self._link.connection()
        while True:
            channel = connection.channel(publisher_confirms=False)
            try:
                async with broker_deadline(SETUP_SECONDS):
                    await channel.initialize()
                    await channel.set_qos(prefetch_count=self._prefetch)
                    queue = await channel.declare_queue(self._queue_name, passive=True)
                    tag = await queue.consume(self._arrive_slowly)
                    await hand_over_plainly(channel, tag, self._arrive)
                    return queue, tag
            except BROKER_AWAY as exc:
                log.warning("broker.unavailable", error_type=type(exc).__name__)
            await unless_broker_is_away(channel.close())
            await asyncio.sleep(SUBSCRIBE_EVERY_SECONDS)

    async def _arrive_slowly(self, delivery: AbstractIncomingMessage) -> None:
        self._arrive(delivery)

    async def _watch(self) -> None:
        """Ask the broker now and then, and return when nobody consumes: a deleted queue tells nobody."""
        consumers: int | None = 1
        while consumers != 0:
            await self._clock.sleep(WATCH_SECONDS)
            consumers = await self._count_consumers()
            self._is_known_to_broker = bool(consumers)

    async def _count_consumers(self) -> int | None:
        """How many there are, those of other processes included; None where the broker does not say."""
        connection = await self._link.connection()
        try:
            async with broker_deadline(SETUP_SECONDS), connection.channel() as channel:
                queue = await channel.declare_queue(self._queue_name, passive=True)
                return queue.declaration_result.consumer_count
        except ChannelNotFoundEntity:
            return 0
        except BROKER_AWAY:
            return None


async def unless_broker_is_away(operation: Awaitable[object]) -> None:
    """Do it if the broker is there: an ack that is lost makes a second delivery, which the inbox undoes."""
    try:
        async with broker_deadline(ACK_SECONDS):
            await operation
    except BROKER_AWAY as exc:
        log.warning("broker.unavailable", error_type=type(exc).__name__)
