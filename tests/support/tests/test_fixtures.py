import asyncio

import aio_pika
import asyncpg
import pytest
from aiormq.exceptions import ChannelAccessRefused

from tests.support.clock import FakeClock
from tests.support.databases import ServiceDatabase
from tests.support.virtual_hosts import VirtualHost
from tests.support.waiting import wait_until


async def test_each_role_sees_its_own_schema_only(database: ServiceDatabase) -> None:
    """A service enters its database with its own role and cannot read what belongs to another."""
    connection = await asyncpg.connect(database.proofing)
    try:
        assert await connection.fetchval("SELECT current_user") == "waystation_proofing"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("SELECT * FROM gateway.schema_migrations")
    finally:
        await connection.close()


@pytest.mark.parametrize("run", [1, 2])
async def test_database_is_clean(database: ServiceDatabase, run: int) -> None:
    """What one test leaves in its database, the next one does not find."""
    connection = await asyncpg.connect(database.owner)
    try:
        await connection.execute("CREATE TABLE left_behind (run int)")
        await connection.execute("INSERT INTO left_behind VALUES ($1)", run)
        assert await connection.fetchval("SELECT count(*) FROM left_behind") == 1
    finally:
        await connection.close()


async def test_empty_database_has_no_schema_of_ours(empty_database: ServiceDatabase) -> None:
    """A test of the migrations begins with nothing."""
    connection = await asyncpg.connect(empty_database.owner)
    try:
        assert not await connection.fetchval("SELECT count(*) FROM pg_namespace WHERE nspname = 'gateway'")
    finally:
        await connection.close()


@pytest.mark.parametrize("run", [1, 2])
async def test_broker_is_clean(amqp: VirtualHost, run: int) -> None:
    """A command reaches its queue, and the next test finds that queue empty."""
    assert await amqp.depth("proofing") == 0
    connection = await aio_pika.connect(amqp.gateway)
    async with connection, connection.channel(on_return_raises=True) as channel:
        exchange = await channel.get_exchange("waystation.commands", ensure=False)
        await exchange.publish(aio_pika.Message(str(run).encode()), "verify-identity.v1")
    assert await wait_until(lambda: amqp.depth("proofing")) == 1


async def test_a_service_cannot_speak_for_another(amqp: VirtualHost) -> None:
    """Proofing may not publish commands, and nobody but the administrator may declare a queue."""
    connection = await aio_pika.connect(amqp.proofing)
    async with connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange("waystation.commands", ensure=False)
        with pytest.raises(ChannelAccessRefused):
            await exchange.publish(aio_pika.Message(b""), "update-metadata.v1")
        other = await connection.channel()
        with pytest.raises(ChannelAccessRefused):
            await other.declare_queue("mine", durable=True)


async def test_rejected_messages_are_kept(amqp: VirtualHost) -> None:
    """A message that a service rejects for good waits in `<queue>.dead`."""
    gateway = await aio_pika.connect(amqp.gateway)
    proofing = await aio_pika.connect(amqp.proofing)
    async with gateway, proofing:
        async with gateway.channel() as channel:
            exchange = await channel.get_exchange("waystation.commands", ensure=False)
            await exchange.publish(aio_pika.Message(b"poison"), "verify-identity.v1")
        async with proofing.channel() as channel:
            queue = await channel.declare_queue("proofing", passive=True)
            message = await wait_until(lambda: queue.get(fail=False))
            assert message is not None
            await message.reject(requeue=False)
            assert await wait_until(lambda: amqp.depth("proofing.dead")) == 1


async def test_fake_clock_wakes_who_is_due(clock: FakeClock) -> None:
    """A sleeper wakes when the clock was advanced far enough, and not before."""
    sleeper = asyncio.create_task(clock.sleep(5))
    await wait_until(lambda: clock.sleeping)
    clock.advance(4.9)
    assert not sleeper.done()
    clock.advance(0.1)
    await asyncio.wait_for(sleeper, 1)
    assert clock.monotonic() == 5.0
