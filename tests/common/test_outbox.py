"""What is to be told is a row of its own effect's transaction, until the broker has it."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from common.db import Database
from common.outbox import claim_due, defer, enqueue, release
from tests.common.fake_publisher import FakePublisher, refuse
from tests.common.relaying import APPLIED, claimed, kept, later, opened, put, sweep, waits
from tests.support.databases import ServiceDatabase


@pytest.fixture
async def db(database: ServiceDatabase) -> AsyncIterator[Database]:
    async with opened(database.metadata_sync) as db:
        yield db


async def test_message_and_effect_commit_together(db: Database) -> None:
    """A message whose transaction rolls back was never there."""

    class ChangedMindError(Exception):
        pass

    async def change_mind() -> None:
        async with db.transaction() as connection:
            await enqueue(connection, APPLIED.message())
            await connection.execute("INSERT INTO inbox (event_id) VALUES ('effect')")
            raise ChangedMindError

    with pytest.raises(ChangedMindError):
        await change_mind()
    publisher = FakePublisher()
    await sweep(db, publisher)
    assert publisher.published == []


async def test_the_rest_of_its_time(db: Database) -> None:
    """A message that is of use until a moment is published with the time that is left."""
    async with db.transaction() as connection:
        until = await connection.fetchval("SELECT ws_now() + interval '90 seconds'")
        await enqueue(connection, APPLIED.message(), expires_at=until)
    publisher = FakePublisher()
    await sweep(db, publisher)
    expires_in = publisher.attempts[0].expires_in
    assert expires_in is not None
    assert timedelta(seconds=60) < expires_in < timedelta(seconds=90)


async def test_a_relay_killed_before_the_delete(database: ServiceDatabase, db: Database) -> None:
    """What a dead relay had claimed is left alone until its claim ends, and published again then."""
    await put(db, "e1")
    async with db.connection() as connection:
        assert [message.event_id for message in await claim_due(connection)] == ["e1"]
    publisher = FakePublisher()
    await sweep(db, publisher)
    assert publisher.published == []
    async with later(database, 5.1) as db_later:
        await sweep(db_later, publisher)
    assert [(message.event_id, message.attempts) for message in publisher.attempts] == [("e1", 2)]
    assert await kept(db) == []


async def test_unconfirmed_stays_and_backs_off(database: ServiceDatabase, db: Database) -> None:
    """What is not confirmed is kept and tried again after half a second, then twice as long, ten at most."""
    await put(db, "e1")
    publisher = FakePublisher(refuse)
    expected = [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    for attempt, seconds in enumerate(expected, 1):
        async with later(database, attempt * 20) as then:
            await sweep(then, publisher)
            ((attempts, wait),) = await waits(then)
        assert attempts == attempt
        assert seconds - 0.4 < wait <= seconds
    assert publisher.published == ["e1"] * 7


async def test_a_slow_relay_does_not_undo_a_newer_claim(database: ServiceDatabase, db: Database) -> None:
    """A relay that comes back after its claim ended leaves the row to whoever has it now."""
    await put(db, "e1")
    async with db.connection() as connection:
        stale = await claim_due(connection)
    async with later(database, 6) as then, then.connection() as connection:
        assert len(await claim_due(connection)) == 1
        await release(connection, stale)
        assert await connection.fetchval("SELECT claimed_until > ws_now() FROM outbox")


async def test_a_lower_id_that_commits_later(db: Database) -> None:
    """A message whose transaction began first and committed last is published too."""
    publisher = FakePublisher()
    async with db.transaction() as connection:
        await enqueue(connection, APPLIED.message(event_id="first id"))
        await put(db, "second id")
        await sweep(db, publisher)
    await sweep(db, publisher)
    assert publisher.published == ["second id", "first id"]


async def test_deferred_messages_come_back(database: ServiceDatabase, db: Database) -> None:
    """A deferred message goes to its own queue again once its delay is over, unchanged."""
    body = APPLIED.json
    async with db.transaction() as connection:
        await defer(connection, body, event_id="e1", queue="metadata-sync", delay=timedelta(seconds=15))
    publisher = FakePublisher()
    await sweep(db, publisher)
    assert publisher.published == []
    async with later(database, 15.1) as then:
        await sweep(then, publisher)
    (message,) = publisher.attempts
    assert (message.exchange, message.routing_key, message.body) == (
        "waystation.dead",
        "metadata-sync.again",
        body,
    )


async def test_what_nobody_carried_is_found(database: ServiceDatabase, db: Database) -> None:
    """What was committed by a process that died before it could carry it is published when its claim ends."""
    await claimed(db, "e1")
    publisher = FakePublisher()
    await sweep(db, publisher)
    assert publisher.published == []
    async with later(database, 5.1) as then:
        await sweep(then, publisher)
    assert [(message.event_id, message.attempts) for message in publisher.attempts] == [("e1", 2)]
