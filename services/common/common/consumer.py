"""Consumes one queue: what each delivery may do, and what becomes of it.

| the handler…                     | the message is…                                                     |
|----------------------------------|---------------------------------------------------------------------|
| returns                          | acknowledged                                                        |
| raises PoisonMessageError        | parked in `<queue>.dead` with the reason                            |
| raises UnknownTenantError        | sent to the queue again every 15 s for 10 minutes, then parked      |
| raises DatabaseUnavailableError  | held, and with it the whole queue, until the database is back       |
| raises anything else             | handled again after a pause; parked after `MAX_ATTEMPTS` attempts   |

Attempts are counted in our database, because what the broker counts differs between its versions. A message
that takes the process down with it comes back as redelivered, and counts as well.

A service may handle many at a time (lane.py); what that does not settle, and what is redelivered, is handled
one by one.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Literal

import structlog

from common import inbox, outbox
from common.acks import Acks
from common.bus import BROKER_AWAY, Link, Publisher
from common.clock import Clock
from common.db import Database, DatabaseUnavailableError
from common.deliveries import Delivery, will_come_again
from common.errors import WaystationError
from common.lane import Lane, Together
from common.loops import pause
from common.message_spans import Batch, as_sent, processing
from common.messages import MalformedMessageError, Message, UnknownMessageError, decode
from common.metrics import HANDLED, MESSAGE_AGE
from common.subscription import Subscription, unless_broker_is_away

PREFETCH_EACH = 4
WORKERS = 16
MAX_ATTEMPTS = 10
UNKNOWN_TENANT_FOR = timedelta(minutes=10)
UNKNOWN_TENANT_EVERY = timedelta(seconds=15)

log = structlog.stdlib.get_logger()

Handler = Callable[[Message], Awaitable[None]]


class PoisonMessageError(WaystationError):
    """This message can never succeed; `reason` is one of a closed set of codes."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnknownTenantError(WaystationError):
    """The tenants file does not know the message's tenant; the next reload may."""


class Consumer:
    """One queue of one service, worked by tasks of our own, `at_once` messages at the same time."""

    def __init__(
        self,
        *,
        link: Link,
        queue: str,
        handle: Handler,
        database: Database,
        publisher: Publisher,
        clock: Clock,
        at_once: int = WORKERS,
        together: Together | None = None,
    ) -> None:
        self._at_once = at_once
        self._queue_name = queue
        self._handle = handle
        self._database = database
        self._publisher = publisher
        self._clock = clock
        self._deliveries: asyncio.Queue[Delivery | None] = asyncio.Queue()
        self._acks = Acks(unless_broker_is_away)
        self._lane: Lane[Delivery] | None = None
        if together:
            self._lane = Lane(
                replace(together, handle=partial(self._handle_together, together)),
                done=self._settle,
                alone=self._deliveries.put_nowait,
                will_come_again=will_come_again,
            )
        self._stopping = asyncio.Event()
        self._subscription = Subscription(
            link=link, queue=queue, prefetch=PREFETCH_EACH * at_once, arrive=self._arrive, clock=clock
        )

    @property
    def is_consuming(self) -> bool:
        return self._subscription.is_active

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set; returns when no handler runs any more."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._at_once):
                tasks.create_task(self._work())
            if self._lane:
                tasks.create_task(self._lane.run())
            subscription = tasks.create_task(self._subscription.run())
            await stop.wait()
            self._stopping.set()
            subscription.cancel()
            self._dismiss_workers()
        await self._acks.sent()

    def _arrive(self, delivery: Delivery) -> None:
        if self._lane is None or delivery.redelivered or not (message := _readable(delivery.body)):
            self._deliveries.put_nowait(delivery)
        else:
            self._lane.add(delivery, as_sent(message, delivery.headers))

    async def _handle_together(self, together: Together, messages: Sequence[Message]) -> Sequence[bool]:
        batch = Batch(messages, queue=self._queue_name)
        with batch.under_way():
            are_done = await together.handle(batch.messages)
            batch.end(are_done)
        pairs = zip(messages, are_done, strict=True)
        self._count([message for message, is_done in pairs if is_done], "done")
        return are_done

    def _dismiss_workers(self) -> None:
        """What was delivered but not begun goes back to the broker with the connection."""
        if self._lane:
            self._lane.stop()
        while not self._deliveries.empty():
            self._deliveries.get_nowait()
        for _ in range(self._at_once):
            self._deliveries.put_nowait(None)

    async def _work(self) -> None:
        while (delivery := await self._deliveries.get()) is not None:
            if will_come_again(delivery):
                continue
            with structlog.contextvars.bound_contextvars():
                structlog.contextvars.clear_contextvars()
                await self._process(delivery)

    async def _process(self, delivery: Delivery) -> None:
        try:
            message = decode(delivery.body)
        except MalformedMessageError:
            await self._park(delivery, reason="malformed")
        except UnknownMessageError:
            await self._park(delivery, reason="unknown_type_or_version")
        else:
            message = as_sent(message, delivery.headers)
            with processing(message, queue=self._queue_name) as span:
                structlog.contextvars.bind_contextvars(
                    transaction_id=message.transaction_id, tenant=message.tenant, **span.log_context
                )
                message = replace(message, traceparent=span.traceparent)
                await self._handle_until_settled(delivery, message)

    async def _handle_until_settled(self, delivery: Delivery, message: Message) -> None:
        failures = 0
        uncounted = bool(delivery.redelivered)
        while not (self._stopping.is_set() or will_come_again(delivery)):
            try:
                if uncounted:
                    await self._count_attempt(message)
                    uncounted = False
                await self._handle(message)
            except PoisonMessageError as exc:
                return await self._park(delivery, reason=exc.reason, message=message)
            except UnknownTenantError:
                if await self._defer_or_park(delivery, message):
                    return None
            except DatabaseUnavailableError:
                log.warning("database.unavailable", task="consumer")
            except Exception:
                log.exception("message.failed", message_type=message.type, event_id=message.event_id)
                uncounted = True
            else:
                self._count([message], "done")
                return self._settle(delivery)
            failures += 1
            await pause(self._stopping, seconds=min(0.25 * 2**failures, 5.0))
        return None

    async def _count_attempt(self, message: Message) -> None:
        async with self._database.connection() as connection:
            attempts = await inbox.count_attempt(connection, message)
        if attempts >= MAX_ATTEMPTS:
            raise PoisonMessageError("too_many_attempts")

    async def _defer_or_park(self, delivery: Delivery, message: Message) -> bool:
        """Send it to the queue again later; False where the database could not take it."""
        if self._clock.now() - message.occurred_at > UNKNOWN_TENANT_FOR:
            await self._park(delivery, reason="unknown_tenant", message=message)
            return True
        log.warning("message.tenant_unknown", message_type=message.type, event_id=message.event_id)
        try:
            async with self._database.connection() as connection:
                await outbox.defer(
                    connection,
                    delivery.body,
                    event_id=message.event_id,
                    queue=self._queue_name,
                    delay=UNKNOWN_TENANT_EVERY,
                )
        except DatabaseUnavailableError:
            return False
        self._count([message], "deferred")
        self._settle(delivery)
        return True

    async def _park(self, delivery: Delivery, *, reason: str, message: Message | None = None) -> None:
        event_id = message.event_id if message else None
        headers = {
            "x-reason": reason,
            "x-event-id": event_id or "",
            "x-parked-at": self._clock.now().isoformat(),
        }
        while not (self._stopping.is_set() or will_come_again(delivery)):
            try:
                await self._publisher.dead_letter(delivery.body, queue=self._queue_name, headers=headers)
            except BROKER_AWAY as exc:
                log.warning("broker.unavailable", error_type=type(exc).__name__)
                await pause(self._stopping, seconds=1.0)
            else:
                log.error("message.parked", reason=reason, event_id=event_id, queue=self._queue_name)
                if message:
                    self._count([message], "parked")
                else:  # of no type that a dashboard could name
                    HANDLED.labels("unreadable", "parked").inc()
                return self._settle(delivery)
        return None

    def _count(self, messages: Sequence[Message], result: Literal["done", "parked", "deferred"]) -> None:
        now = self._clock.now()
        ages: defaultdict[str, list[float]] = defaultdict(list)
        for message in messages:
            ages[message.type].append((now - message.occurred_at).total_seconds())
        for message_type, of_type in ages.items():
            HANDLED.labels(message_type, result).inc(len(of_type))
            observe = MESSAGE_AGE.labels(message_type).observe
            for age in of_type:
                observe(max(0.0, age))

    def _settle(self, delivery: Delivery) -> None:
        if not will_come_again(delivery):
            self._acks.settle(delivery)


def _readable(body: bytes) -> Message | None:
    try:
        return decode(body)
    except (MalformedMessageError, UnknownMessageError):
        return None
