"""An outbox under test on a real database, and the relay that empties it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from common.db import Database, open_database
from common.outbox import OutgoingMessage, enqueue, enqueue_claimed
from common.relay import Relay
from tests.common.fake_publisher import FakePublisher
from tests.contracts.examples import example
from tests.support.clock import FakeClock
from tests.support.databases import ServiceDatabase, move_clock

APPLIED = example("metadata-applied.v1")


@asynccontextmanager
async def opened(dsn: str) -> AsyncIterator[Database]:
    async with open_database(dsn, schema="metadata_sync", application_name="test", production=False) as db:
        yield db


@asynccontextmanager
async def later(database: ServiceDatabase, seconds: float) -> AsyncIterator[Database]:
    """The same database, so many seconds on."""
    await move_clock(database.owner, seconds=seconds)
    async with opened(database.metadata_sync) as db:
        yield db


@asynccontextmanager
async def running(relay: Relay) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(relay.run(stop))
    try:
        yield
    finally:
        stop.set()
        relay.wake()
        await asyncio.wait_for(task, 10)


async def put(db: Database, *event_ids: str) -> None:
    async with db.transaction() as connection:
        for event_id in event_ids:
            await enqueue(connection, APPLIED.message(event_id=event_id))


async def kept(db: Database) -> list[str]:
    async with db.connection() as connection:
        return [row["event_id"] for row in await connection.fetch("SELECT event_id FROM outbox ORDER BY id")]


async def sweep(db: Database, publisher: FakePublisher) -> None:
    """What a relay does that is told to stop at once: one sweep."""
    stop = asyncio.Event()
    stop.set()
    await Relay(database=db, publisher=publisher, clock=FakeClock()).run(stop)


async def waits(db: Database) -> list[tuple[int, float]]:
    """Attempts and seconds until due, by row."""
    async with db.connection() as connection:
        rows = await connection.fetch(
            "SELECT attempts, extract(epoch FROM due_at - ws_now())::float AS wait FROM outbox"
            " WHERE claimed_until IS NULL ORDER BY id"
        )
    return [(row["attempts"], row["wait"]) for row in rows]


async def claimed(db: Database, *event_ids: str) -> list[OutgoingMessage]:
    """Written as by who publishes them itself, and committed."""
    async with db.transaction() as connection:
        return await enqueue_claimed(connection, [APPLIED.message(event_id=one) for one in event_ids])
