import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from common.db import Connection, Database, DatabaseUnavailableError
from tests.common.opening import opened, superuser
from tests.support.databases import ServiceDatabase
from tests.support.tcp_proxy import TcpProxy


@pytest.fixture
async def db(database: ServiceDatabase) -> AsyncIterator[Database]:
    async with opened(database.gateway) as db:
        yield db


async def recorded(db: Database) -> list[str]:
    async with db.connection() as connection:
        return [row["event_id"] for row in await connection.fetch("SELECT event_id FROM inbox ORDER BY 1")]


async def insert(connection: Connection, event_id: str) -> None:
    await connection.execute("INSERT INTO inbox (event_id) VALUES ($1)", event_id)


async def test_a_transaction_commits_at_its_end(db: Database) -> None:
    """What a block wrote is there for others when the block is left, and not before."""
    async with db.transaction() as connection:
        await insert(connection, "a")
        assert await recorded(db) == []
    assert await recorded(db) == ["a"]


class OwnError(Exception):
    pass


@pytest.mark.parametrize("error", [OwnError("x"), TimeoutError("mine"), ConnectionResetError("mine")])
async def test_an_error_of_the_caller_rolls_back_and_passes(db: Database, error: Exception) -> None:
    """An error in a block undoes the block and reaches the caller as it is, a network error of theirs too."""

    async def fail() -> None:
        async with db.transaction() as connection:
            await insert(connection, "a")
            raise error

    with pytest.raises(type(error)) as caught:
        await fail()
    assert caught.value is error
    assert await recorded(db) == []


async def test_a_timeout_of_the_caller_stays_theirs(db: Database) -> None:
    """A deadline that the caller set inside a block is not taken for the database's."""

    async def wait_in_vain() -> None:
        async with db.connection(), asyncio.timeout(0.01):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await wait_in_vain()


async def test_constraints_speak_for_themselves(db: Database) -> None:
    """A violated constraint reaches the caller by its class, and the connection is of use afterwards."""
    async with db.transaction() as connection:
        await insert(connection, "a")
    with pytest.raises(asyncpg.UniqueViolationError):
        async with db.transaction() as connection:
            await insert(connection, "a")
    with pytest.raises(asyncpg.NotNullViolationError):
        async with db.transaction() as connection:
            await connection.execute("INSERT INTO inbox (event_id) VALUES (NULL)")
    assert await recorded(db) == ["a"]


@pytest.mark.parametrize("value", [5, b"x", "a\x00b"])
async def test_a_wrong_argument_is_a_mistake_of_ours(db: Database, value: object) -> None:
    """An argument that does not fit its column is not taken for a lost database, which is tried for ever."""
    with pytest.raises(asyncpg.DataError):
        async with db.connection() as connection:
            await connection.execute("INSERT INTO inbox (event_id) VALUES ($1)", value)


@pytest.mark.parametrize("statement", ["SELEKT 1", "SELECT * FROM nowhere", "SELECT 1/0"])
async def test_wrong_statements_are_mistakes_of_ours(db: Database, statement: str) -> None:
    """A statement that can never succeed is not taken for a lost database."""
    with pytest.raises(asyncpg.PostgresError):
        async with db.connection() as connection:
            await connection.execute(statement)


async def test_an_exhausted_pool(database: ServiceDatabase) -> None:
    """Who finds all connections taken hears within two seconds that the database is unavailable."""
    async with opened(database.gateway, pool_size=1) as db:
        async with db.connection():
            begun = time.monotonic()
            with pytest.raises(DatabaseUnavailableError, match=r"^TimeoutError$"):
                async with db.connection():
                    pass
            assert 1.5 < time.monotonic() - begun < 4
        assert await db.is_up()


async def test_a_terminated_backend(database: ServiceDatabase, db: Database) -> None:
    """A connection that the server ends fails the work it carried, by name, and the next work succeeds."""

    async def be_terminated() -> None:
        async with db.transaction() as connection:
            await insert(connection, "lost")
            async with superuser(database) as other:
                await other.execute("SELECT pg_terminate_backend($1)", connection.get_server_pid())
            await insert(connection, "also lost")

    with pytest.raises(DatabaseUnavailableError):
        await be_terminated()
    async with db.transaction() as connection:
        await insert(connection, "kept")
    assert await recorded(db) == ["kept"]


async def test_a_terminated_idle_connection(database: ServiceDatabase, db: Database) -> None:
    """Connections that the server ended while they were idle spoil at most one try each."""
    async with superuser(database) as other:
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test'"
        )
    assert any([await db.is_up() for _ in range(3)])


async def test_a_server_that_goes_and_comes_back(database: ServiceDatabase) -> None:
    """While nothing listens, work fails by name at once; once the server is back, work succeeds again."""
    async with TcpProxy.to(database.gateway) as proxy, opened(proxy.url(database.gateway)) as db:
        await proxy.refuse()
        for _ in range(3):
            with pytest.raises(DatabaseUnavailableError):
                async with db.connection() as connection:
                    await connection.fetchval("SELECT 1")
        assert not await db.is_up()
        proxy.accept()
        assert any([await db.is_up() for _ in range(3)])


async def test_a_server_that_swallows_packets(
    database: ServiceDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement whose answer never comes ends by its deadline, and so does giving its connection back."""
    monkeypatch.setattr("common.db.COMMAND_SECONDS", 0.5)
    async with TcpProxy.to(database.gateway) as proxy, opened(proxy.url(database.gateway)) as db:
        proxy.hold()
        begun = time.monotonic()
        with pytest.raises(DatabaseUnavailableError):
            async with db.connection() as connection:
                await connection.fetchval("SELECT 1")
        assert time.monotonic() - begun < 6
        proxy.release()
        assert any([await db.is_up() for _ in range(3)])


async def test_a_reply_lost_at_commit(database: ServiceDatabase) -> None:
    """A commit whose answer is lost is reported as unavailable, though it may have happened."""
    async with TcpProxy.to(database.gateway) as proxy, opened(proxy.url(database.gateway)) as db:

        async def lose_the_answer() -> None:
            async with db.transaction() as connection:
                await insert(connection, "perhaps")
                await proxy.refuse()

        with pytest.raises(DatabaseUnavailableError):
            await lose_the_answer()


async def test_a_statement_that_takes_too_long(db: Database) -> None:
    """A statement over the server's limit is stopped there and reported as unavailable."""
    with pytest.raises(DatabaseUnavailableError, match=r"^QueryCanceledError$"):
        async with db.connection() as connection:
            await connection.execute("SET statement_timeout TO '50ms'; SELECT pg_sleep(5)")


async def test_a_lock_that_is_not_released(db: Database) -> None:
    """Waiting for somebody else's lock ends as unavailable: it can be tried again."""
    async with db.transaction() as one:
        await one.execute("LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(DatabaseUnavailableError, match=r"^LockNotAvailableError$"):
            async with db.connection() as other:
                await other.execute("SET lock_timeout TO '50ms'; INSERT INTO inbox (event_id) VALUES ('a')")


async def test_a_deadlock(db: Database) -> None:
    """Of two transactions that wait for each other one is reported as unavailable, the other commits."""
    async with db.transaction() as connection:
        await insert(connection, "a")
        await insert(connection, "b")
    met = asyncio.Barrier(2)

    async def touch(first: str, second: str) -> None:
        async with db.transaction() as connection:
            await connection.execute("SELECT FROM inbox WHERE event_id = $1 FOR UPDATE", first)
            await met.wait()
            await connection.execute("SELECT FROM inbox WHERE event_id = $1 FOR UPDATE", second)

    results = await asyncio.gather(touch("a", "b"), touch("b", "a"), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["DatabaseUnavailableError", "NoneType"]


async def test_a_read_only_server(database: ServiceDatabase) -> None:
    """A server that only reads, as one does after a failover, is unavailable for whoever writes."""
    async with superuser(database) as other:
        await other.execute(f'ALTER DATABASE "{database.name}" SET default_transaction_read_only = on')
    async with opened(database.gateway) as db:
        assert await db.is_up()
        with pytest.raises(DatabaseUnavailableError, match=r"^ReadOnlySQLTransactionError$"):
            async with db.transaction() as connection:
                await insert(connection, "a")


async def test_too_many_connections(database: ServiceDatabase) -> None:
    """A server without a free place is unavailable."""
    async with opened(database.gateway) as db, db.connection():
        async with superuser(database) as other:
            await other.execute(f'ALTER DATABASE "{database.name}" CONNECTION LIMIT 1')
        with pytest.raises(DatabaseUnavailableError, match=r"^TooManyConnectionsError$"):
            async with db.connection():
                pass


async def test_a_table_altered_meanwhile(database: ServiceDatabase) -> None:
    """A plan that a migration made stale is reported as unavailable, and works when tried again."""
    async with superuser(database) as other, opened(database.gateway, pool_size=1) as db:
        await other.execute("CREATE TABLE gateway.shape (a integer); GRANT SELECT ON gateway.shape TO PUBLIC")

        async def read() -> None:
            async with db.transaction() as connection:
                assert await connection.fetch("SELECT * FROM shape") == []

        await read()
        await other.execute("ALTER TABLE gateway.shape ADD COLUMN b integer")
        with pytest.raises(DatabaseUnavailableError, match=r"^InvalidCachedStatementError$"):
            await read()
        await read()


async def test_time_goes_on_in_a_transaction(db: Database) -> None:
    """`ws_now()` is the time of the statement, not of its transaction's begin."""
    async with db.transaction() as connection:
        first = await connection.fetchval("SELECT ws_now()")
        await connection.execute("SELECT pg_sleep(0.01)")
        assert await connection.fetchval("SELECT ws_now()") - first >= timedelta(milliseconds=10)


async def test_due_rows_are_found_by_index(db: Database) -> None:
    """A comparison with `ws_now()` can use an index, which a volatile function would forbid."""
    async with db.transaction() as connection:
        await connection.execute("SET LOCAL enable_seqscan = off")
        plan = await connection.fetch("EXPLAIN SELECT id FROM outbox WHERE due_at <= ws_now()")
    assert any("Index Cond: (due_at <= ws_now())" in row[0] for row in plan)


async def test_what_ended_the_work_is_told(database: ServiceDatabase) -> None:
    """Also where the connection is gone and nothing can be rolled back any more; the pool stays usable."""
    async with opened(database.gateway, pool_size=1) as db:

        async def work() -> None:
            async with db.transaction() as connection:
                await insert(connection, "a")
                connection.terminate()
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await work()
        assert await recorded(db) == []


async def test_cancelled_work_gives_its_connection_back(database: ServiceDatabase) -> None:
    """Cancelling a task in the middle of a statement leaves the pool usable, and nothing of its work."""
    async with opened(database.gateway, pool_size=1) as db:
        inside = asyncio.Event()

        async def work() -> None:
            async with db.transaction() as connection:
                await insert(connection, "a")
                inside.set()
                await connection.execute("SELECT pg_sleep(5)")

        task = asyncio.create_task(work())
        await inside.wait()
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        assert await recorded(db) == []
