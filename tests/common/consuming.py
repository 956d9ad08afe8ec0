"""A consumer under test between real servers: what it was given, and what became of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from common.bus import Publisher, open_link, open_publisher
from common.consumer import Consumer
from common.db import Database, open_database
from common.messages import Message, encode
from common.outbox import OutgoingMessage
from tests.contracts.examples import example
from tests.support.clock import FakeClock
from tests.support.databases import ServiceDatabase
from tests.support.virtual_hosts import VirtualHost
from tests.support.waiting import wait_until

QUEUE = "metadata-sync"
UPDATE = example("update-metadata.v1")

Handle = Callable[[Message], Awaitable[None]]


async def accept(_message: Message) -> None:
    return


@dataclass(kw_only=True)
class Rig:
    """`handle` is what the handler does next; `begun` the event ids in the order in which it was called."""

    amqp: VirtualHost
    database: Database
    publisher: Publisher
    clock: FakeClock
    handle: Handle = accept
    begun: list[str] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)

    async def handler(self, message: Message) -> None:
        self.begun.append(message.event_id)
        await self.handle(message)
        self.finished.append(message.event_id)

    @asynccontextmanager
    async def consuming(
        self, url: str | None = None, *, queue: str = QUEUE, crash: bool = False
    ) -> AsyncIterator[Consumer]:
        """A consumer on a connection of its own; at the end it stops as a service does, or dies."""
        stop = asyncio.Event()
        async with open_link(url or self.amqp.metadata_sync, name="test: consume") as link:
            consumer = Consumer(
                link=link,
                queue=queue,
                handle=self.handler,
                database=self.database,
                publisher=self.publisher,
                clock=self.clock,
            )
            task = asyncio.create_task(consumer.run(stop))
            try:
                yield consumer
            finally:
                if crash:
                    task.cancel()
                    await asyncio.wait({task})
                else:
                    stop.set()
                    await asyncio.wait_for(task, 20)

    async def send(self, *event_ids: str, **changes: Any) -> None:
        """Put messages into the queue as the gateway does."""
        async with open_publisher(self.amqp.gateway, name="test: send") as gateway:
            for event_id in event_ids:
                body = UPDATE.message(event_id=event_id, **changes)
                await self._send(gateway, event_id, encode(body))

    async def send_body(self, body: bytes) -> None:
        async with open_publisher(self.amqp.gateway, name="test: send") as gateway:
            await self._send(gateway, "e1", body)

    async def has_begun(self, *event_ids: str) -> None:
        await wait_until(lambda: self.begun == list(event_ids), what=f"handlers of {event_ids}")

    async def has_finished(self, *event_ids: str) -> None:
        await wait_until(lambda: self.finished == list(event_ids), what=f"the end of {event_ids}")

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        async with self.database.connection() as connection:
            return [tuple(row) for row in await connection.fetch(statement)]

    async def attempts(self) -> list[tuple[Any, ...]]:
        return await self.rows("SELECT event_id, attempts FROM delivery_attempts ORDER BY event_id")

    async def had_failed(self, event_id: str, times: int) -> None:
        """Let a message have a past."""
        async with self.database.connection() as connection:
            await connection.execute(
                "INSERT INTO delivery_attempts (event_id, attempts) VALUES ($1, $2)", event_id, times
            )

    async def _send(self, gateway: Publisher, event_id: str, body: bytes) -> None:
        assert await gateway.publish(
            OutgoingMessage(
                id=1,
                event_id=event_id,
                exchange="waystation.commands",
                routing_key="update-metadata.v1",
                body=body,
                attempts=1,
                expires_in=None,
            )
        )


@asynccontextmanager
async def rig_on(
    database: ServiceDatabase, amqp: VirtualHost, clock: FakeClock, *, publish_url: str | None = None
) -> AsyncIterator[Rig]:
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(
            open_database(
                database.metadata_sync, schema="metadata_sync", application_name="test", production=False
            )
        )
        publisher = await stack.enter_async_context(
            open_publisher(publish_url or amqp.metadata_sync, name="test: publish")
        )
        yield Rig(amqp=amqp, database=opened, publisher=publisher, clock=clock)
