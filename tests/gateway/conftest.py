import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from tests.common.tenants_on_disk import section, write_tenants
from tests.gateway.browsers import Browser
from tests.gateway.rig import Rig, serving
from tests.support.clock import FakeClock
from tests.support.databases import Databases, ServiceDatabase
from tests.support.waiting import run_alone

_EMPTY = """
    DO $$ DECLARE name text; BEGIN
        EXECUTE format('ALTER DATABASE %I RESET ALL', current_database());
        FOR name IN SELECT tablename FROM pg_tables
            WHERE schemaname = 'gateway' AND tablename <> 'schema_migrations'
        LOOP EXECUTE format('DELETE FROM gateway.%I', name); END LOOP;
    END $$
"""


@pytest.fixture
def clock() -> FakeClock:
    """A clock that begins in the middle of an hour, far from where attempts are counted anew."""
    return FakeClock(datetime.now(UTC).replace(minute=30, second=0, microsecond=0))


@pytest.fixture
def tenants_file(tmp_path: Path) -> Path:
    """acme, and globex with a secret of its own."""
    other = section("globex.eu.auth0.com", branding={"name": "Globex"})
    other["session_token"]["secret_files"] = ["secrets/session.globex"]
    return write_tenants(tmp_path, {"acme": section(), "globex": other})


@pytest.fixture(scope="session")
def one_database(databases: Databases, migrated_template: str) -> Iterator[ServiceDatabase]:
    """One database for all of these tests: to empty it takes a tenth of the time of making another."""
    name = f"test_{os.getpid()}_gateway"
    run_alone(databases.create(name, template=migrated_template))
    yield databases.named(name)
    run_alone(databases.drop(name))


@pytest.fixture
async def database(one_database: ServiceDatabase) -> AsyncIterator[ServiceDatabase]:
    """A database without a row and with the time of the machine."""
    yield one_database
    connection = await asyncpg.connect(one_database.owner)
    try:
        await connection.execute(_EMPTY)
    finally:
        await connection.close()


@pytest.fixture
async def rig(database: ServiceDatabase, tenants_file: Path, clock: FakeClock) -> AsyncIterator[Rig]:
    """A gateway that serves browsers."""
    async with serving(database, tenants_file=tenants_file, clock=clock) as rig:
        yield rig


@pytest.fixture
async def anna(rig: Rig) -> Browser:
    return await rig.browser()


@pytest.fixture
async def mallory(rig: Rig) -> Browser:
    return await rig.browser()
