import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import structlog

from common.consumer import PoisonMessageError, UnknownTenantError
from common.db import DatabaseUnavailableError, open_database
from common.inbox import record
from common.messages import Message
from common.relay import Relay
from tests.common.consuming import QUEUE, UPDATE, Rig, accept, rig_on
from tests.support.clock import FakeClock
from tests.support.databases import ServiceDatabase, move_clock
from tests.support.queues import take
from tests.support.virtual_hosts import VirtualHost
from tests.support.waiting import wait_until

Handle = Callable[[Message], Awaitable[None]]


@pytest.fixture
async def rig(database: ServiceDatabase, amqp: VirtualHost, clock: FakeClock) -> AsyncIterator[Rig]:
    async with rig_on(database, amqp, clock) as rig:
        yield rig


def failing(error: Exception, *, times: int = 1_000_000) -> Handle:
    """A handler that raises so many times before it succeeds."""
    left = times

    async def handle(_message: Message) -> None:
        nonlocal left
        if left:
            left -= 1
            raise error

    return handle


async def forever(_message: Message) -> None:
    await asyncio.Event().wait()


async def test_returns(rig: Rig) -> None:
    """A message whose handler returned is acknowledged: nothing of it is left."""
    await rig.send("e1", "e2")
    async with rig.consuming():
        await wait_until(lambda: sorted(rig.finished) == ["e1", "e2"])
    assert await rig.amqp.depth(QUEUE) == 0
    assert await rig.amqp.depth(f"{QUEUE}.dead") == 0
    assert await rig.attempts() == []


async def test_poison(rig: Rig) -> None:
    """A message that can never succeed lands in the dead letters with its reason, id and body, at once."""
    rig.handle = failing(PoisonMessageError("unknown_user"))
    await rig.send("e1")
    async with rig.consuming():
        letter = await take(rig.amqp.admin, f"{QUEUE}.dead")
    assert (letter.headers["x-reason"], letter.headers["x-event-id"]) == ("unknown_user", "e1")
    assert UPDATE.message(event_id="e1").event_id in letter.body.decode()
    assert await rig.amqp.depth(QUEUE) == 0
    assert rig.begun == ["e1"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"garbage", "malformed"),
        (b"{}", "malformed"),
        (b"x" * 2**20, "malformed"),
        (b'{"type":"CancelVerification","v":1}', "unknown_type_or_version"),
        (b'{"type":"UpdateMetadata","v":2}', "unknown_type_or_version"),
    ],
    ids=["garbage", "empty", "megabyte", "type", "version"],
)
async def test_undecodable(rig: Rig, body: bytes, reason: str) -> None:
    """What cannot be decoded is parked byte for byte with a reason, and no handler sees it."""
    await rig.send_body(body)
    async with rig.consuming():
        letter = await take(rig.amqp.admin, f"{QUEUE}.dead")
    assert (letter.body, letter.headers["x-reason"]) == (body, reason)
    assert rig.begun == []


async def test_unknown_tenant_comes_back(rig: Rig, database: ServiceDatabase) -> None:
    """A message of an unknown tenant leaves the queue and comes back fifteen seconds later."""
    rig.handle = failing(UnknownTenantError(), times=1)
    await rig.send("e1")
    async with rig.consuming():
        await rig.has_begun("e1")
        await wait_until(lambda: rig.rows("SELECT FROM outbox"))
        ((seconds,),) = await rig.rows("SELECT extract(epoch FROM due_at - ws_now())::float FROM outbox")
        assert 10 < seconds <= 15
        await relay_everything(rig, database, later=16)
        await rig.has_finished("e1")
    assert rig.begun == ["e1", "e1"]
    assert await rig.amqp.depth(QUEUE) == 0
    assert await rig.attempts() == []


async def relay_everything(rig: Rig, database: ServiceDatabase, *, later: float) -> None:
    await move_clock(database.owner, seconds=later)
    stop = asyncio.Event()
    stop.set()
    async with open_database(
        database.metadata_sync, schema="metadata_sync", application_name="test", production=False
    ) as then:
        await Relay(database=then, publisher=rig.publisher, clock=rig.clock).run(stop)


async def test_unknown_tenant_for_too_long(rig: Rig) -> None:
    """Ten minutes after it was sent, a message of an unknown tenant is parked."""
    rig.handle = failing(UnknownTenantError())
    rig.clock.advance(601)
    await rig.send("e1")
    async with rig.consuming():
        letter = await take(rig.amqp.admin, f"{QUEUE}.dead")
    assert letter.headers["x-reason"] == "unknown_tenant"
    assert await rig.rows("SELECT FROM outbox") == []


async def test_database_away(rig: Rig) -> None:
    """While the database is away a message is held and handled again, which counts as no attempt."""
    rig.handle = failing(DatabaseUnavailableError("x"), times=2)
    await rig.send("e1")
    async with rig.consuming():
        await rig.has_begun("e1", "e1")
        assert await rig.amqp.depth(QUEUE) == 0
        await rig.has_finished("e1")
    assert await rig.amqp.depth(QUEUE) == 0
    assert await rig.attempts() == []


async def test_database_away_holds_the_queue(rig: Rig) -> None:
    """While the database is away no more is taken from the queue than the prefetch, nothing given back."""
    rig.handle = failing(DatabaseUnavailableError("x"))
    await rig.send(*(f"e{n}" for n in range(80)))
    async with rig.consuming():
        await rig.amqp.until_depth(QUEUE, 16)
        await wait_until(lambda: len(rig.begun) >= 32)
        assert len(set(rig.begun)) == 16
        assert await rig.amqp.depth(QUEUE) == 16
    await rig.amqp.until_depth(QUEUE, 80)


async def test_published_twice_is_once_in_effect(rig: Rig) -> None:
    """A message that a relay published again, because it died before its delete, has its effect once."""
    effects: list[str] = []

    async def have_effect(message: Message) -> None:
        async with rig.database.transaction() as connection:
            is_new = await record(connection, message)
        if is_new:
            effects.append(message.event_id)

    rig.handle = have_effect
    await rig.send("e1", "e1", "e2", "e1")
    async with rig.consuming():
        await wait_until(lambda: len(rig.finished) == 4)
    assert sorted(effects) == ["e1", "e2"]


async def test_a_bug_in_the_handler(rig: Rig) -> None:
    """A message whose handler fails unforeseen is handled again after a pause, and the failure counted."""
    rig.handle = failing(ValueError("x"), times=1)
    await rig.send("e1")
    async with rig.consuming():
        await rig.has_finished("e1")
    assert rig.begun == ["e1", "e1"]
    assert await rig.attempts() == [("e1", 1)]
    assert await rig.amqp.depth(QUEUE) == 0


async def test_ten_failures(rig: Rig) -> None:
    """At its tenth failure a message is parked, and others go on meanwhile."""
    await rig.had_failed("bad", 8)

    async def handle(message: Message) -> None:
        if message.event_id == "bad":
            raise ValueError("x")

    rig.handle = handle
    await rig.send("bad", "good")
    async with rig.consuming():
        letter = await take(rig.amqp.admin, f"{QUEUE}.dead")
        await rig.has_finished("good")
    assert (letter.headers["x-reason"], letter.headers["x-event-id"]) == ("too_many_attempts", "bad")
    assert rig.begun.count("bad") == 2
    assert await rig.attempts() == [("bad", 10)]


async def test_a_message_that_kills(rig: Rig) -> None:
    """A redelivered message counts as one more attempt, and at the tenth is parked unhandled."""
    await rig.had_failed("killer", 9)
    await rig.send("killer", "innocent")
    rig.handle = forever
    async with rig.consuming(crash=True):
        await wait_until(lambda: len(rig.begun) == 2)
    rig.begun.clear()
    rig.handle = accept
    async with rig.consuming():
        letter = await take(rig.amqp.admin, f"{QUEUE}.dead")
        await rig.has_finished("innocent")
    assert letter.headers["x-event-id"] == "killer"
    assert rig.begun == ["innocent"]
    assert await rig.attempts() == [("innocent", 1), ("killer", 10)]


async def test_nothing_of_one_message_sticks_to_the_next(rig: Rig) -> None:
    """Log context is that of the message in work, and gone with it."""
    seen: list[dict[str, object]] = []

    async def look(message: Message) -> None:
        seen.append(dict(structlog.contextvars.get_contextvars()))
        structlog.contextvars.bind_contextvars(leak=message.event_id)

    rig.handle = look
    for n in range(20):
        await rig.send(f"e{n}", transaction_id=f"tx_{n}", tenant=f"{n}")
    async with rig.consuming():
        await wait_until(lambda: len(seen) == 20)
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    assert len({context.pop("span_id") for context in seen}) == 20
    assert sorted(seen, key=lambda context: int(str(context["tenant"]))) == [
        {"transaction_id": f"tx_{n}", "tenant": f"{n}", "trace_id": trace_id} for n in range(20)
    ]


async def test_stopping(rig: Rig) -> None:
    """Told to stop, the consumer finishes what runs and leaves the rest in the queue."""
    may_finish = asyncio.Event()

    async def wait(_message: Message) -> None:
        await may_finish.wait()

    rig.handle = wait
    await rig.send(*(f"e{n}" for n in range(40)))
    async with rig.consuming() as consumer:
        await wait_until(lambda: len(rig.begun) == 16)
        asyncio.get_running_loop().call_later(0.1, may_finish.set)
    assert len(rig.finished) == 16
    assert not consumer.is_consuming
    await rig.amqp.until_depth(QUEUE, 24)


async def test_stopping_with_a_message_in_hand(rig: Rig) -> None:
    """Told to stop while it waits to try again, the consumer stops at once and gives the message back."""
    rig.handle = failing(DatabaseUnavailableError("x"))
    await rig.send("e1")
    async with rig.consuming():
        await wait_until(lambda: len(rig.begun) >= 2)
        begun = time.monotonic()
    assert time.monotonic() - begun < 1
    await rig.amqp.until_depth(QUEUE, 1)
