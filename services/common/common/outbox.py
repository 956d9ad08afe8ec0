"""Every change that must be told commits together with its message; the relay publishes it afterwards.

The relay claims due rows by status with `FOR UPDATE SKIP LOCKED` (never by "id greater than the last": a gap
loses rows), publishes outside of any transaction, and deletes what the broker confirmed. A relay that dies
between the two leaves the row to whoever finds its claim expired: published twice, which inboxes undo.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from common import inbox
from common.clock import Clock
from common.db import Connection, Database, DatabaseUnavailableError
from common.messages import DEAD, Message, encode, exchange_of, routing_key_of

BATCH = 100
AT_ONCE = 2  # what is committed while a batch waits for its confirms goes in another, not after it
CLAIM_SECONDS = 5  # longer than a publish may take (bus.py), so that no two relays publish a row at once
SWEEP_SECONDS = 1.0
DELETE_SECONDS = 0.2
MAX_BACKOFF_SECONDS = 10  # how much longer than the broker a message may be away
FORGET_SECONDS = 3600.0
COUNT_AT_MOST = 10_000

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, kw_only=True)
class OutgoingMessage:
    """One row: `expires_at` bounds how long the broker keeps it."""

    id: int
    event_id: str
    exchange: str
    routing_key: str
    body: bytes
    attempts: int
    expires_in: timedelta | None


class Publishes(Protocol):
    """The broker as the relay sees it."""

    async def publish_all(self, messages: Sequence[OutgoingMessage]) -> Sequence[bool]:
        """For each: True once the broker has confirmed; False where it is unknown or refused."""
        ...


async def enqueue(connection: Connection, message: Message, *, expires_at: datetime | None = None) -> None:
    """Write a message in the caller's transaction; call `Relay.wake` after the commit."""
    await connection.execute(
        """
        INSERT INTO outbox (event_id, exchange, routing_key, body, expires_at)
        VALUES ($1, $2, $3, $4, $5)
        """,
        message.event_id,
        exchange_of(message),
        routing_key_of(message),
        encode(message),
        expires_at,
    )


async def enqueue_claimed(connection: Connection, messages: Sequence[Message]) -> list[OutgoingMessage]:
    """Write messages in the caller's transaction that this process will publish, by `Relay.carry`.

    They are claimed from the start, so that nobody has to look for them; who dies before the commit was
    carried out leaves them to whoever finds their claim expired.
    """
    drafts = [
        (message.event_id, exchange_of(message), routing_key_of(message), encode(message))
        for message in messages
    ]
    rows = await connection.fetch(
        """
        INSERT INTO outbox (event_id, exchange, routing_key, body, due_at, claimed_until, attempts)
        SELECT given.*, now, now + make_interval(secs => $5), 1
        FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) AS given,
            (SELECT ws_now() AS now) AS clock
        RETURNING id, event_id
        """,
        *map(list, zip(*drafts, strict=True)),
        CLAIM_SECONDS,
    )
    ids = {row["event_id"]: row["id"] for row in rows}
    return [
        OutgoingMessage(
            id=ids[event_id],
            event_id=event_id,
            exchange=exchange,
            routing_key=routing_key,
            body=body,
            attempts=1,
            expires_in=None,
        )
        for event_id, exchange, routing_key, body in drafts
    ]


async def defer(connection: Connection, body: bytes, *, event_id: str, queue: str, delay: timedelta) -> None:
    """Send a consumed message to its own queue again, after `delay`.

    The way back leads through the exchange that every service may write to: the broker's default one, which
    knows each queue by name, is closed to them.
    """
    await connection.execute(
        """
        INSERT INTO outbox (event_id, exchange, routing_key, body, due_at)
        VALUES ($1, $2, $3, $4, ws_now() + $5)
        """,
        event_id,
        DEAD,
        f"{queue}.again",
        body,
        delay,
    )


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """What the broker has not confirmed: how many messages, `COUNT_AT_MOST` at most, and the oldest's age."""

    messages: int
    oldest_seconds: float


async def backlog(connection: Connection) -> Backlog:
    row = await connection.fetchrow(
        """
        SELECT (SELECT count(*) FROM (SELECT FROM outbox LIMIT $1) AS counted) AS messages,
            (
                SELECT extract(epoch FROM
                    ws_now() - (convert_from(body, 'UTF8')::json ->> 'occurred_at')::timestamptz
                )::float8
                FROM outbox WHERE exchange <> $2 ORDER BY id LIMIT 1
            ) AS oldest_seconds
        """,
        COUNT_AT_MOST,
        DEAD,
    )
    return Backlog(
        messages=row["messages"] if row else 0,
        oldest_seconds=max(0.0, row["oldest_seconds"] or 0.0) if row else 0.0,
    )


async def claim_due(connection: Connection) -> list[OutgoingMessage]:
    rows = await connection.fetch(
        """
        UPDATE outbox SET claimed_until = ws_now() + make_interval(secs => $2), attempts = attempts + 1
        WHERE id IN (
            SELECT id FROM outbox
            WHERE due_at <= ws_now() AND (claimed_until IS NULL OR claimed_until < ws_now())
            ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
        )
        RETURNING id, event_id, exchange, routing_key, body, attempts, expires_at - ws_now() AS expires_in
        """,
        BATCH,
        CLAIM_SECONDS,
    )
    return [OutgoingMessage(**row) for row in sorted(rows, key=lambda row: int(row["id"]))]


async def delete_sent(connection: Connection, ids: Sequence[int]) -> None:
    await connection.execute("DELETE FROM outbox WHERE id = ANY($1::bigint[])", ids)


async def release(connection: Connection, messages: Sequence[OutgoingMessage]) -> None:
    """Try these again later, each time after twice as long; a row that was claimed anew stays as it is."""
    await connection.execute(
        """
        UPDATE outbox SET claimed_until = NULL,
            due_at = ws_now() + make_interval(secs => LEAST(power(2, LEAST(outbox.attempts, 10)) / 4, $3))
        FROM unnest($1::bigint[], $2::integer[]) AS failed (id, attempts)
        WHERE outbox.id = failed.id AND outbox.attempts = failed.attempts
        """,
        [message.id for message in messages],
        [message.attempts for message in messages],
        MAX_BACKOFF_SECONDS,
    )


class Relay:
    """Moves the outbox of one service to the broker."""

    def __init__(self, *, database: Database, publisher: Publishes, clock: Clock) -> None:
        self._database = database
        self._publisher = publisher
        self._clock = clock
        self._wake = asyncio.Event()
        self._room = asyncio.Semaphore(AT_ONCE)
        self._forget_at = 0.0
        self._carrying: set[asyncio.Task[None]] = set()
        self._carried: list[int] = []
        self._deleting: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Something was committed: publish now rather than at the next sweep."""
        self._wake.set()

    def carry(self, messages: list[OutgoingMessage]) -> None:
        """Publish what `enqueue_claimed` has written and is committed now."""
        task = asyncio.create_task(self._carry(messages))
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until `stop` is set, then what is due once more."""
        async with asyncio.TaskGroup() as tasks:
            while not stop.is_set():
                await self._room.acquire()
                self._wake.clear()
                batch = await self._claim()
                sending = tasks.create_task(self._send(batch))
                sending.add_done_callback(lambda _: self._room.release())
                # After a full batch that failed the next one would fail as well.
                if len(batch) < BATCH or await sending < BATCH:
                    await self._pause()
        await self._send(await self._claim())
        while waiting := self._carrying | ({self._deleting} if self._deleting else set()):
            await asyncio.wait(waiting)

    async def _carry(self, messages: list[OutgoingMessage]) -> None:
        answers = await self._answers(messages)
        self._carried += [message.id for message, is_sent in zip(messages, answers, strict=True) if is_sent]
        if self._carried and self._deleting is None:
            self._deleting = asyncio.create_task(self._delete_carried())
        if not all(answers):
            failed = [message for message, is_sent in zip(messages, answers, strict=True) if not is_sent]
            await self._settle(failed=failed)

    async def _delete_carried(self) -> None:
        """Rows are deleted many at a time; until then they are claimed, and nobody publishes them again."""
        await asyncio.sleep(DELETE_SECONDS)
        self._deleting, ids, self._carried = None, self._carried, []
        await self._settle(sent=ids)

    async def _settle(self, *, sent: Sequence[int] = (), failed: Sequence[OutgoingMessage] = ()) -> None:
        """Without a database the claims run out, and the rows are published once more."""
        try:
            async with self._database.connection() as connection:
                if sent:
                    await delete_sent(connection, sent)
                if failed:
                    await release(connection, failed)
        except DatabaseUnavailableError:
            log.warning("database.unavailable", task="relay")

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(SWEEP_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _claim(self) -> list[OutgoingMessage]:
        """One batch; nothing while the database is away."""
        try:
            async with self._database.connection() as connection:
                return await claim_due(connection)
        except DatabaseUnavailableError:
            log.warning("database.unavailable", task="relay")
            return []

    async def _send(self, batch: list[OutgoingMessage]) -> int:
        """Publish a claimed batch; how many of it were confirmed."""
        try:
            sent = await self._publish(batch)
            await self._forget_now_and_then()
        except DatabaseUnavailableError:
            log.warning("database.unavailable", task="relay")
            return 0
        return sent

    async def _publish(self, batch: list[OutgoingMessage]) -> int:
        """Publish all at once, settle each by its own answer, and tell how many were confirmed."""
        if not batch:
            return 0
        answers = await self._answers(batch)
        sent = [message for message, is_sent in zip(batch, answers, strict=True) if is_sent]
        failed = [message for message, is_sent in zip(batch, answers, strict=True) if not is_sent]
        async with self._database.connection() as connection:
            if sent:
                await delete_sent(connection, [message.id for message in sent])
            if failed:
                await release(connection, failed)
        return len(sent)

    async def _answers(self, batch: Sequence[OutgoingMessage]) -> Sequence[bool]:
        """What the publisher did not foresee concerns one row alone: the others go on without it."""
        try:
            return await self._publisher.publish_all(batch)
        except (Exception, asyncio.CancelledError) as exc:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise  # it is we who are cancelled, not a task of the client library
            if len(batch) == 1:
                _log_unforeseen(batch[0], exc)
                return [False]
        return [answer for message in batch for answer in await self._answers([message])]

    async def _forget_now_and_then(self) -> None:
        if self._clock.monotonic() < self._forget_at:
            return
        async with self._database.connection() as connection:
            await inbox.forget_old(connection)
        self._forget_at = self._clock.monotonic() + FORGET_SECONDS


def _log_unforeseen(message: OutgoingMessage, error: BaseException) -> None:
    log.warning(
        "message.not_confirmed",
        messaging_rabbitmq_destination_routing_key=message.routing_key,
        event_id=message.event_id,
        attempt=message.attempts,
        error_type=type(error).__name__,
    )
