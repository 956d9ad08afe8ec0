import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import asyncpg
import pytest

from common.db import Database, open_database
from common.messages import decode
from common.outbox import OutgoingMessage, Relay, claim_due, defer, enqueue, enqueue_claimed, release
from tests.common.fake_publisher import FakePublisher, refuse
from tests.contracts.examples import example
from tests.support.clock import FakeClock
from tests.support.databases import ServiceDatabase
from tests.support.tcp_proxy import TcpProxy
from tests.support.waiting import wait_until

APPLIED = example("metadata-applied.v1")


@asynccontextmanager
async def opened(dsn: str) -> AsyncIterator[Database]:
    async with open_database(dsn, schema="metadata_sync", application_name="test", production=False) as db:
        yield db


@pytest.fixture
async def db(database: ServiceDatabase) -> AsyncIterator[Database]:
    async with opened(database.metadata_sync) as db:
        yield db


@asynccontextmanager
async def later(database: ServiceDatabase, seconds: float) -> AsyncIterator[Database]:
    """The same database, so many seconds on."""
    owner = await asyncpg.connect(database.owner)
    await owner.execute(
        f"ALTER DATABASE \"{database.name}\" SET waystation.clock_offset = '{seconds} seconds'"
    )
    await owner.close()
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


async def test_what_is_published(db: Database) -> None:
    """The relay hands over message, exchange, key and logical id, and deletes what is confirmed."""
    await put(db, "e1")
    publisher = FakePublisher()
    await sweep(db, publisher)
    (message,) = publisher.attempts
    assert (
        message.event_id,
        message.exchange,
        message.routing_key,
        message.attempts,
        message.expires_in,
    ) == (
        "e1",
        "waystation.events",
        "metadata-applied.v1",
        1,
        None,
    )
    assert decode(message.body) == APPLIED.message(event_id="e1")
    assert await kept(db) == []


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


async def test_wake_publishes_at_once(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A woken relay does not wait for its next sweep."""
    monkeypatch.setattr("common.outbox.SWEEP_SECONDS", 60)
    publisher = FakePublisher()
    relay = Relay(database=db, publisher=publisher, clock=FakeClock())
    async with running(relay):
        for n in range(3):
            await put(db, f"e{n}")
            begun = time.monotonic()
            relay.wake()
            await wait_until(partial(publisher.has_seen, f"e{n}"))
            assert time.monotonic() - begun < 1
    assert publisher.published == ["e0", "e1", "e2"]


async def test_without_a_wake_it_is_swept(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that nobody announced, as after a crash, is found by the next sweep."""
    monkeypatch.setattr("common.outbox.SWEEP_SECONDS", 0.05)
    publisher = FakePublisher()
    async with running(Relay(database=db, publisher=publisher, clock=FakeClock())):
        await put(db, "e1")
        await wait_until(lambda: publisher.published == ["e1"], 3)


async def test_more_than_a_batch(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backlog is published batch after batch without a pause, in the order of its ids."""
    monkeypatch.setattr("common.outbox.SWEEP_SECONDS", 60)
    ids = [f"e{n}" for n in range(250)]
    await put(db, *ids)
    publisher = FakePublisher()
    async with running(Relay(database=db, publisher=publisher, clock=FakeClock())):
        await wait_until(lambda: len(publisher.published) == 250)
    assert publisher.published == ids
    assert await kept(db) == []


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


async def test_two_relays(database: ServiceDatabase, db: Database) -> None:
    """Two relays share the work: each row is published by one of them, once."""
    ids = [f"e{n}" for n in range(350)]
    await put(db, *ids)
    one, other = FakePublisher(), FakePublisher()
    async with (
        opened(database.metadata_sync) as other_db,
        running(Relay(database=db, publisher=one, clock=FakeClock())),
        running(Relay(database=other_db, publisher=other, clock=FakeClock())),
    ):
        await wait_until(lambda: len(one.published) + len(other.published) >= len(ids))
    assert sorted(one.published + other.published) == sorted(ids)
    assert one.published
    assert other.published


async def test_a_row_in_work_is_not_taken(database: ServiceDatabase, db: Database) -> None:
    """While one relay waits for the confirm of a row, another one does not publish it."""
    await put(db, "e1")
    confirmed = asyncio.Event()

    async def wait(_message: OutgoingMessage) -> bool:
        return await confirmed.wait()

    slow, quick = FakePublisher(wait), FakePublisher()
    task = asyncio.create_task(sweep(db, slow))
    await wait_until(lambda: slow.published == ["e1"])
    async with opened(database.metadata_sync) as other_db:
        await sweep(other_db, quick)
    confirmed.set()
    await task
    assert quick.published == []
    assert await kept(db) == []


async def test_a_slow_confirm_delays_nobody_else(db: Database) -> None:
    """What is committed while a batch waits for its confirms is published meanwhile."""
    confirmed = asyncio.Event()

    async def answer(message: OutgoingMessage) -> bool:
        return message.event_id == "e2" or await confirmed.wait()

    publisher = FakePublisher(answer)
    relay = Relay(database=db, publisher=publisher, clock=FakeClock())
    async with running(relay):
        await put(db, "e1")
        relay.wake()
        await wait_until(partial(publisher.has_seen, "e1"))
        await put(db, "e2")
        relay.wake()
        await wait_until(partial(publisher.has_seen, "e2"))
        confirmed.set()
    assert await kept(db) == []


async def waits(db: Database) -> list[tuple[int, float]]:
    """Attempts and seconds until due, by row."""
    async with db.connection() as connection:
        rows = await connection.fetch(
            "SELECT attempts, extract(epoch FROM due_at - ws_now())::float AS wait FROM outbox"
            " WHERE claimed_until IS NULL ORDER BY id"
        )
    return [(row["attempts"], row["wait"]) for row in rows]


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


async def test_one_bad_row_holds_up_nobody(db: Database) -> None:
    """A row that the publisher refuses or chokes on harms no other row, and does not end the relay."""
    await put(db, "good", "refused", "chokes", "gives up", "fine")

    async def answer(message: OutgoingMessage) -> bool:
        match message.event_id:
            case "refused":
                return False
            case "chokes":
                raise ValueError("a header that cannot be encoded")
            case "gives up":
                raise asyncio.CancelledError  # as the client library does to who waits for a lost channel
            case _:
                return True

    publisher = FakePublisher(answer)
    await sweep(db, publisher)
    assert await kept(db) == ["refused", "chokes", "gives up"]
    assert [attempts for attempts, _ in await waits(db)] == [1, 1, 1]


async def test_a_full_batch_of_failures_is_not_retried_in_a_loop(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the broker is away a long outbox is tried a batch per sweep, not as fast as the machine can."""
    monkeypatch.setattr("common.outbox.SWEEP_SECONDS", 60)
    await put(db, *(f"e{n}" for n in range(300)))
    publisher = FakePublisher(refuse)
    relay = Relay(database=db, publisher=publisher, clock=FakeClock())
    async with running(relay):
        await wait_until(lambda: len(publisher.attempts) == 100)
        await put(db, "later")
        assert len(publisher.attempts) == 100


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


async def test_the_database_goes_and_comes_back(
    database: ServiceDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relay outlives its database's absence and goes on by itself."""
    monkeypatch.setattr("common.outbox.SWEEP_SECONDS", 0.05)
    publisher = FakePublisher()
    async with (
        TcpProxy.to(database.metadata_sync) as proxy,
        opened(proxy.url(database.metadata_sync)) as db,
        opened(database.metadata_sync) as direct,
        running(Relay(database=db, publisher=publisher, clock=FakeClock())),
    ):
        await put(direct, "before")
        await wait_until(lambda: publisher.published == ["before"])
        await proxy.refuse()
        await put(direct, "meanwhile")
        proxy.accept()
        await wait_until(lambda: publisher.published == ["before", "meanwhile"])


async def test_stopping_publishes_what_is_due(db: Database) -> None:
    """A relay that is told to stop publishes what was committed before."""
    publisher = FakePublisher()
    relay = Relay(database=db, publisher=publisher, clock=FakeClock())
    async with running(relay):
        await put(db, "last words")
    assert publisher.published == ["last words"]


async def claimed(db: Database, *event_ids: str) -> list[OutgoingMessage]:
    """Written as by who publishes them itself, and committed."""
    async with db.transaction() as connection:
        return await enqueue_claimed(connection, [APPLIED.message(event_id=one) for one in event_ids])


async def test_carried_is_published_at_once(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the process that wrote it carries is published without a sweep, and deleted."""
    monkeypatch.setattr("common.outbox.SWEEP_SECONDS", 60)
    publisher = FakePublisher()
    relay = Relay(database=db, publisher=publisher, clock=FakeClock())
    async with running(relay):
        relay.carry(await claimed(db, "e1", "e2"))
        await wait_until(lambda: publisher.published == ["e1", "e2"])
    (first, _) = publisher.attempts
    assert (first.exchange, first.routing_key, first.attempts) == (
        "waystation.events",
        "metadata-applied.v1",
        1,
    )
    assert decode(first.body) == APPLIED.message(event_id="e1")
    assert await kept(db) == []


async def test_what_nobody_carried_is_found(database: ServiceDatabase, db: Database) -> None:
    """What was committed by a process that died before it could carry it is published when its claim ends."""
    await claimed(db, "e1")
    publisher = FakePublisher()
    await sweep(db, publisher)
    assert publisher.published == []
    async with later(database, 5.1) as then:
        await sweep(then, publisher)
    assert [(message.event_id, message.attempts) for message in publisher.attempts] == [("e1", 2)]


async def test_carried_and_refused_backs_off(db: Database) -> None:
    """What the broker does not confirm of what is carried is kept for a later sweep; the rest is gone."""

    async def answer(message: OutgoingMessage) -> bool:
        return message.event_id != "refused"

    publisher = FakePublisher(answer)
    relay = Relay(database=db, publisher=publisher, clock=FakeClock())
    async with running(relay):
        relay.carry(await claimed(db, "e1", "refused"))
        await wait_until(lambda: publisher.published == ["e1", "refused"])
    assert await kept(db) == ["refused"]
    ((attempts, wait),) = await waits(db)
    assert attempts == 1
    assert 0 < wait <= 0.5


async def test_stopping_without_a_database(database: ServiceDatabase) -> None:
    """A relay that is told to stop while the database is away stops within seconds."""
    async with TcpProxy.to(database.metadata_sync) as proxy, opened(proxy.url(database.metadata_sync)) as db:
        await proxy.refuse()
        begun = time.monotonic()
        await sweep(db, FakePublisher())
        assert time.monotonic() - begun < 3


async def test_the_relay_tidies_the_inbox(db: Database) -> None:
    """Once an hour the relay drops inbox rows that are older than thirty days, and no others."""
    async with db.connection() as connection:
        await connection.execute(
            "INSERT INTO inbox (event_id, recorded_at) VALUES"
            " ('old', ws_now() - interval '31 days'), ('young', ws_now() - interval '29 days')"
        )
    await sweep(db, FakePublisher())
    async with db.connection() as connection:
        assert [row["event_id"] for row in await connection.fetch("SELECT event_id FROM inbox")] == ["young"]
