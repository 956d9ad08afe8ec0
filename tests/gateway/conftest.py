import base64
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from tests.common.tenants_on_disk import section, write_tenants
from tests.gateway.browsers import Browser
from tests.gateway.rig import COOKIE_KEY, DATA_KEY, HOST, SEAL_KEY, Rig, serving
from tests.support.clock import FakeClock
from tests.support.databases import Databases, ServiceDatabase
from tests.support.journey import new_session
from tests.support.ports import free_port
from tests.support.run_folder import RunFolder
from tests.support.secret_folder import write_private
from tests.support.service_process import ServiceProcess
from tests.support.virtual_hosts import VirtualHost
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


@pytest.fixture
def service(
    database: ServiceDatabase, amqp: VirtualHost, tenants_file: Path, tmp_path: Path
) -> Iterator[ServiceProcess]:
    for name, key in (("cookie", COOKIE_KEY), ("data", DATA_KEY), ("seal", SEAL_KEY)):
        write_private(tmp_path / name, base64.urlsafe_b64encode(key).decode())
    listen = f"{HOST}:{free_port(HOST)}"
    environment = {
        "ENVIRONMENT": "development",
        "OUTGOING_ADDRESSES": "any",
        "LISTEN": listen,
        "PUBLIC_BASE_URL": f"http://{listen}",
        "ADMIN_LISTEN": f"127.0.0.1:{free_port()}",
        "TENANTS_FILE": str(tenants_file),
        "DATABASE_URL": database.gateway,
        "AMQP_URL": amqp.gateway,
        "COOKIE_KEY_FILES": str(tmp_path / "cookie"),
        "DATA_KEY_FILES": str(tmp_path / "data"),
        "PROOFING_SEAL_KEY_FILE": str(tmp_path / "seal"),
        "METADATA_SYNC_SEAL_KEY_FILE": str(tmp_path / "seal"),
        "DRAIN_SECONDS": "0",
    }
    folder = RunFolder(tmp_path / "run")
    yield ServiceProcess("gateway", folder, environment)
    folder.stop()


@pytest.fixture
async def visitor(service: ServiceProcess) -> AsyncIterator[Browser]:
    origin = service.environment["PUBLIC_BASE_URL"]
    async with new_session(origins=[origin]) as session:
        yield Browser(session, origin)
