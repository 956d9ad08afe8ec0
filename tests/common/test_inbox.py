import asyncio
from collections.abc import AsyncIterator

import pytest

from common.db import Database, open_database
from common.inbox import forget_old, record
from tests.contracts.examples import example
from tests.support.databases import ServiceDatabase

MESSAGE = example("metadata-applied.v1").message()


@pytest.fixture
async def db(database: ServiceDatabase) -> AsyncIterator[Database]:
    async with open_database(
        database.gateway, schema="gateway", application_name="test", production=True
    ) as opened:
        yield opened


async def test_the_first_time_only(db: Database) -> None:
    """A message is recorded once; whoever comes again with it is told so."""
    async with db.transaction() as connection:
        assert await record(connection, MESSAGE)
        assert not await record(connection, MESSAGE)
    async with db.transaction() as connection:
        assert not await record(connection, MESSAGE)


async def test_an_effect_that_rolls_back(db: Database) -> None:
    """If the effect is undone, so is the record, and the message may have its effect later."""

    class FailedError(Exception):
        pass

    async def fail() -> None:
        async with db.transaction() as connection:
            assert await record(connection, MESSAGE)
            raise FailedError

    with pytest.raises(FailedError):
        await fail()
    async with db.transaction() as connection:
        assert await record(connection, MESSAGE)


async def test_two_deliveries_at_once(db: Database) -> None:
    """Of deliveries handled at the same time exactly one has the effect; the others wait for its commit."""

    async def handle() -> bool:
        async with db.transaction() as connection:
            return await record(connection, MESSAGE)

    assert sorted(await asyncio.gather(*(handle() for _ in range(6)))) == [False] * 5 + [True]


async def test_forgetting(db: Database) -> None:
    """Records and counted attempts are kept for thirty days."""
    async with db.transaction() as connection:
        for table, column, more in (
            ("inbox", "recorded_at", ""),
            ("delivery_attempts", "last_at", ", attempts"),
        ):
            value = ", 1" if more else ""
            for name, age in (("old", "30 days 1 minute"), ("young", "29 days 23 hours")):
                await connection.execute(
                    f"INSERT INTO {table} (event_id, {column}{more})"  # noqa: S608 - names from the lines above
                    f" VALUES ('{name}', ws_now() - interval '{age}'{value})"
                )
        await forget_old(connection)
        rows = await connection.fetch(
            "SELECT event_id FROM inbox UNION ALL SELECT event_id FROM delivery_attempts"
        )
    assert [row["event_id"] for row in rows] == ["young", "young"]
