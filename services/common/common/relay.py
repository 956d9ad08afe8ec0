"""Claims what the outbox has, publishes it outside of any transaction, and deletes what the broker confirmed.

A relay that dies between the last two leaves the row to whoever finds its claim expired: published twice,
which inboxes undo.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import structlog

from common import inbox
from common.clock import Clock
from common.db import Database, DatabaseUnavailableError
from common.loops import pause
from common.outbox import BATCH, OutgoingMessage, claim_due, delete_sent, release

AT_ONCE = 2  # what is committed while a batch waits for its confirms goes in another, not after it
SWEEP_SECONDS = 1.0
DELETE_SECONDS = 0.2
FORGET_SECONDS = 3600.0

log = structlog.stdlib.get_logger()


class Publishes(Protocol):
    """The broker as the relay sees it."""

    async def publish_all(self, messages: Sequence[OutgoingMessage]) -> Sequence[bool]:
        """For each: True once the broker has confirmed; False where it is unknown or refused."""
        ...


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
                    await pause(self._wake, seconds=SWEEP_SECONDS)
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
