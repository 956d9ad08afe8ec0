"""The relay publishes what is in the outbox: soon, once, and whatever goes away meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial

import pytest

from common.db import Database
from common.messages import decode
from common.outbox import OutgoingMessage
from common.relay import Relay
from tests.common.fake_publisher import FakePublisher, refuse
from tests.common.relaying import APPLIED, claimed, kept, opened, put, running, sweep, waits
from tests.support.clock import FakeClock
from tests.support.databases import ServiceDatabase
from tests.support.tcp_proxy import TcpProxy
from tests.support.waiting import wait_until


@pytest.fixture
async def db(database: ServiceDatabase) -> AsyncIterator[Database]:
    async with opened(database.metadata_sync) as db:
        yield db


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


async def test_wake_publishes_at_once(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A woken relay does not wait for its next sweep."""
    monkeypatch.setattr("common.relay.SWEEP_SECONDS", 60)
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
    monkeypatch.setattr("common.relay.SWEEP_SECONDS", 0.05)
    publisher = FakePublisher()
    async with running(Relay(database=db, publisher=publisher, clock=FakeClock())):
        await put(db, "e1")
        await wait_until(lambda: publisher.published == ["e1"], 3)


async def test_more_than_a_batch(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backlog is published batch after batch without a pause, in the order of its ids."""
    monkeypatch.setattr("common.relay.SWEEP_SECONDS", 60)
    ids = [f"e{n}" for n in range(250)]
    await put(db, *ids)
    publisher = FakePublisher()
    async with running(Relay(database=db, publisher=publisher, clock=FakeClock())):
        await wait_until(lambda: len(publisher.published) == 250)
    assert publisher.published == ids
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
    monkeypatch.setattr("common.relay.SWEEP_SECONDS", 60)
    await put(db, *(f"e{n}" for n in range(300)))
    publisher = FakePublisher(refuse)
    relay = Relay(database=db, publisher=publisher, clock=FakeClock())
    async with running(relay):
        await wait_until(lambda: len(publisher.attempts) == 100)
        await put(db, "later")
        assert len(publisher.attempts) == 100


async def test_the_database_goes_and_comes_back(
    database: ServiceDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relay outlives its database's absence and goes on by itself."""
    monkeypatch.setattr("common.relay.SWEEP_SECONDS", 0.05)
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


async def test_carried_is_published_at_once(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the process that wrote it carries is published without a sweep, and deleted."""
    monkeypatch.setattr("common.relay.SWEEP_SECONDS", 60)
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
