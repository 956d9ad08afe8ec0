"""A pool opens where it may and everything is as it must be, and closes whoever keeps what."""

from datetime import timedelta

import pytest

from common.db import DatabaseUnavailableError, SchemaOutdatedError, UnsafeDatabaseError
from tests.common.opening import opened, superuser
from tests.support.databases import ServiceDatabase, move_clock
from tests.support.ports import free_port


@pytest.mark.parametrize("change", ["@127.0.0.1:{port}/", ":wrong@"])
async def test_opening_where_nobody_lets_us_in(database: ServiceDatabase, change: str) -> None:
    """Opening fails by name where nothing listens or the password is wrong, and shows no password."""
    user, _, host = database.gateway.partition("@")
    if change.startswith("@"):
        dsn = user + change.format(port=free_port()) + database.name
    else:
        dsn = user.rpartition(":")[0] + change + host
    with pytest.raises(DatabaseUnavailableError) as caught:
        async with opened(dsn):
            pass
    assert str(caught.value) in {"ConnectionRefusedError", "InvalidPasswordError"}


async def test_an_outdated_schema_is_refused(database: ServiceDatabase) -> None:
    """A service does not start on a database that lacks a migration, and names what is missing."""
    async with superuser(database) as other:
        await other.execute("DELETE FROM gateway.schema_migrations WHERE name LIKE 'common/%'")
    with pytest.raises(SchemaOutdatedError) as caught:
        async with opened(database.gateway):
            pass
    assert str(caught.value).startswith("not applied: common/0001_time_outbox_inbox.sql, common/0002_")


async def test_a_database_without_schema_is_refused(database: ServiceDatabase) -> None:
    """A database that was never migrated is outdated, not a crash."""
    async with superuser(database) as other:
        await other.execute("DROP SCHEMA gateway CASCADE")
    with pytest.raises(SchemaOutdatedError):
        async with opened(database.gateway):
            pass


async def test_tests_move_the_clock(database: ServiceDatabase) -> None:
    """`waystation.clock_offset` moves `ws_now()` and nothing else."""
    await move_clock(database.owner, seconds=36 * 3600)
    async with opened(database.gateway) as db:
        async with db.connection() as connection:
            row = await connection.fetchrow("SELECT ws_now() - clock_timestamp() AS ahead")
        assert row is not None
        assert timedelta(hours=35, minutes=59) < row["ahead"] <= timedelta(hours=36)


async def test_production_refuses_a_moved_clock(database: ServiceDatabase) -> None:
    """A production service does not start on a database whose clock is moved."""
    await move_clock(database.owner, seconds=1)
    with pytest.raises(UnsafeDatabaseError) as refused:
        async with opened(database.gateway, production=True):
            pass
    assert refused.value.mistakes == (
        "DATABASE_URL: the database moves its clock (waystation.clock_offset), which only tests may do",
    )


async def test_production_refuses_a_mighty_role(database: ServiceDatabase) -> None:
    """A production service does not work as somebody whom the walls between tenants do not stop."""
    with pytest.raises(UnsafeDatabaseError) as refused:
        async with opened(database.owner, production=True):
            pass
    assert refused.value.mistakes == (
        "DATABASE_URL: the role is a superuser, owns the tables or passes row-level security by",
    )


async def test_closing_does_not_wait_for_ever(
    database: ServiceDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that somebody keeps does not keep the pool from closing."""
    monkeypatch.setattr("common.db.CLOSE_SECONDS", 0.1)
    async with opened(database.gateway) as db:
        keeping = db.connection()
        await keeping.__aenter__()
    with pytest.raises(DatabaseUnavailableError):
        async with db.connection():
            pass
