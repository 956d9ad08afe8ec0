"""RabbitMQ as this system uses it: quorum queues declared elsewhere, confirms, explicit acks.

- Publishing and consuming have a connection each: an alarm of the broker stops publishers only.
- What is delivered only goes to a queue of ours, which the prefetch bounds; work runs in tasks that we own,
  because a lost connection cancels the library's.
- Every publish has its own AMQP message id, a deadline, and counts only when confirmed; the logical id
  travels as `x-event-id`.
- The topology is loaded by the broker at its start (deploy/rabbitmq/definitions.json); we declare passively.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast

import aiormq
import structlog
from aio_pika.abc import AbstractConnection, AbstractRobustChannel, AbstractRobustConnection
from aio_pika.exceptions import AMQPError, ProbableAuthenticationError
from aio_pika.robust_connection import RobustConnection
from aiormq.exceptions import InvalidFrameError
from yarl import URL

from common import tracing
from common.errors import WaystationError
from common.message_spans import publishing
from common.messages import DEAD
from common.metrics import PUBLISHED
from common.outbox import OutgoingMessage
from common.publishing import Publication, failure_of, publish_together
from common.sieve import SievedLines
from common.tracing import Span

HEARTBEAT_SECONDS = 10
CONNECT_SECONDS = 10.0
PUBLISH_SECONDS = 3.0
SETUP_SECONDS = 10.0
CLOSE_SECONDS = 3.0
BROKER_AWAY = (AMQPError, OSError, TimeoutError, RuntimeError)

log = structlog.stdlib.get_logger()


class BrokerRefusedError(WaystationError):
    """The broker does not accept our user, password or virtual host; trying again would not help."""


class Link:
    """One connection: made in the background until the broker is there, and repairing itself from then on.

    A service that starts while the broker is away can serve meanwhile what needs no broker.
    """

    def __init__(self, url: str, *, name: str) -> None:
        self._connecting = asyncio.create_task(_connect(url, name=name))

    @property
    def is_up(self) -> bool:
        if not self._connecting.done() or self._connecting.cancelled() or self._connecting.exception():
            return False
        connection = self._connecting.result()
        return connection.connected.is_set() and not connection.is_closed

    async def connection(self) -> AbstractRobustConnection:
        """The connection, once there is one; it may be down again.

        Raises:
            BrokerRefusedError: wrong user, password or virtual host.
        """
        return await asyncio.shield(self._connecting)

    async def close(self) -> None:
        self._connecting.cancel()
        await asyncio.wait({self._connecting})
        if not self._connecting.cancelled() and not self._connecting.exception():
            await _close(self._connecting.result())


class Publisher:
    """Publishes with confirms; one connection, one channel, any number of publishes at once."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._opening = asyncio.Lock()
        self._opened: AbstractRobustChannel | None = None

    @property
    def is_connected(self) -> bool:
        return self._link.is_up

    async def publish(self, message: OutgoingMessage) -> bool:
        """Publish one outbox row; False means unknown or refused, and the row must be tried again."""
        (is_published,) = await self.publish_all([message])
        return is_published

    async def publish_all(self, messages: Sequence[OutgoingMessage]) -> list[bool]:
        """Publish outbox rows, all at once and each by itself, as `publish` does."""
        current: list[OutgoingMessage] = []
        for message in messages:
            if _is_too_late(message):
                PUBLISHED.labels(message.routing_key, "expired").inc()
                log.warning(
                    "message.expired",
                    messaging_rabbitmq_destination_routing_key=message.routing_key,
                    event_id=message.event_id,
                )
            else:
                current.append(message)
        spans = [_span_of(message) for message in current] if tracing.is_exported() else None
        failures = await self._failures(_publications(current, spans))
        unknown = {message.id: failure for message, failure in zip(current, failures, strict=True) if failure}
        for span, failure in zip(spans or (), failures, strict=False):
            span.end(failure)
        _count(current, failed=unknown.keys())
        for message in current:
            if failure := unknown.get(message.id):
                log.warning(
                    "message.not_confirmed",
                    messaging_rabbitmq_destination_routing_key=message.routing_key,
                    event_id=message.event_id,
                    attempt=message.attempts,
                    error_type=type(failure).__name__,
                )
        return [message.id not in unknown for message in messages]

    async def dead_letter(self, body: bytes, *, queue: str, headers: dict[str, Any]) -> None:
        """Park a message that can never succeed in `<queue>.dead`.

        Raises:
            BROKER_AWAY: one of them, when it is not known to be there.
        """
        letter = Publication(body=body, exchange=DEAD, routing_key=queue, headers=headers, expiration=None)
        (failure,) = await self._failures([letter])
        if failure:
            raise failure

    async def _failures(self, publications: Sequence[Publication]) -> list[BaseException | None]:
        """Why each is not known to be published; None where the broker has confirmed it."""
        if not publications:
            return []
        answers: list[asyncio.Future[Any]] = []
        error: BaseException = TimeoutError()
        try:
            async with broker_deadline(PUBLISH_SECONDS):
                answers = await publish_together(await self._channel(), publications)
                await asyncio.wait(answers)
        except BROKER_AWAY as exc:
            error = exc
        if not answers:
            return [error] * len(publications)
        return [failure_of(answer) for answer in answers]

    async def _channel(self) -> aiormq.Channel:
        async with self._opening:
            if self._opened is None:
                connection = await self._link.connection()
                channel = connection.channel(publisher_confirms=True, on_return_raises=True)
                await channel.initialize()
                self._opened = channel
        return cast("aiormq.Channel", await self._opened.get_underlay_channel())


@asynccontextmanager
async def open_publisher(url: str, *, name: str) -> AsyncIterator[Publisher]:
    """A publisher on a connection of its own."""
    async with open_link(url, name=f"{name}: publish") as link:
        yield Publisher(link)


@asynccontextmanager
async def open_link(url: str, *, name: str) -> AsyncIterator[Link]:
    """A connection for the block."""
    link = Link(url, name=name)
    try:
        yield link
    finally:
        await link.close()


async def _connect(url: str, *, name: str) -> AbstractRobustConnection:
    address = URL(url).update_query(heartbeat=HEARTBEAT_SECONDS, name=name)
    sight = _Sight()
    delay = 0.2
    while True:
        try:
            connection = await _connect_once(address)
            sight.follow(connection)
        except (ProbableAuthenticationError, InvalidFrameError) as exc:
            # To a virtual host that is not there, or not for us, the broker answers with a frame that closes.
            raise BrokerRefusedError("the broker refuses this user, password or virtual host") from exc
        except BROKER_AWAY as exc:
            sight.lost(exc)
        else:
            return connection
        await asyncio.sleep(_jittered(delay, spread=delay))
        delay = min(delay * 2, 5.0)


class _Sight:
    """Tells the log when the broker is lost, and once when it is back."""

    def __init__(self) -> None:
        self._is_lost = False

    def lost(self, exc: BaseException | None) -> None:
        self._is_lost = True
        log.warning("broker.unavailable", error_type=type(exc).__name__)

    def found(self) -> None:
        if self._is_lost:
            self._is_lost = False
            log.info("broker.available")

    def follow(self, connection: AbstractRobustConnection) -> None:
        """Watch a connection that was made. The library repairs it, and may tell a loss more than once."""
        self.found()
        connection.close_callbacks.add(self._closed)
        connection.reconnect_callbacks.add(self._reconnected)

    def _closed(self, connection: AbstractConnection | None, exc: BaseException | None) -> None:
        if not self._is_lost and connection is not None and not connection.close_called:
            self.lost(exc)

    def _reconnected(self, *_: object) -> None:
        self.found()


async def _connect_once(address: URL) -> AbstractRobustConnection:
    """One attempt. The library would go on trying behind our back if an attempt that ended was not closed."""
    connection = RobustConnection(address.update_query(reconnect_interval=_jittered(1.0, spread=4.0)))
    connection.kwargs["transport_factory"] = SievedLines(connection)
    try:
        async with broker_deadline(CONNECT_SECONDS):
            await connection.connect(timeout=CONNECT_SECONDS)
    except BaseException:
        await connection.close()
        raise
    return connection


@asynccontextmanager
async def broker_deadline(seconds: float) -> AsyncIterator[None]:
    """Bound a talk with the broker: whatever ends it is one of `BROKER_AWAY`.

    The client library cancels who waits for a connection that it gives up. To a task that nobody cancelled
    this must be an error, or the task would end without a trace. A connection that the broker ends before its
    first frame is the end of an iteration to the library.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except StopAsyncIteration:
        raise ConnectionResetError("the broker ended the connection") from None
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise ConnectionAbortedError("the connection was given up") from None


def _is_too_late(message: OutgoingMessage) -> bool:
    return message.expires_in is not None and message.expires_in <= timedelta(0)


def _count(messages: Sequence[OutgoingMessage], *, failed: Collection[int]) -> None:
    """Each routing key once, however many messages it has."""
    results = [(one.routing_key, "failed" if one.id in failed else "confirmed") for one in messages]
    for labels, count in Counter(results).items():
        PUBLISHED.labels(*labels).inc(count)


def _span_of(message: OutgoingMessage) -> Span:
    return publishing(
        exchange=message.exchange,
        routing_key=message.routing_key,
        body=message.body,
        event_id=message.event_id,
        attempt=message.attempts,
    )


def _publications(messages: Sequence[OutgoingMessage], spans: Sequence[Span] | None) -> list[Publication]:
    ways = [{"traceparent": span.traceparent} for span in spans] if spans else [{}] * len(messages)
    return [
        Publication(
            body=message.body,
            exchange=message.exchange,
            routing_key=message.routing_key,
            headers={"x-event-id": message.event_id, **way},
            expiration=message.expires_in,
        )
        for message, way in zip(messages, ways, strict=True)
    ]


async def _close(connection: AbstractRobustConnection) -> None:
    try:
        async with broker_deadline(CLOSE_SECONDS):
            await connection.close()
    except BROKER_AWAY as exc:
        log.warning("broker.unavailable", error_type=type(exc).__name__)


def _jittered(seconds: float, *, spread: float) -> float:
    return seconds + random.random() * spread  # noqa: S311 - spreads reconnects; nothing secret
