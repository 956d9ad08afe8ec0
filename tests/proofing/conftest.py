import base64
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from common.db import open_database
from tests.common.tenants_on_disk import section, write_tenants
from tests.proofing.commands import DATA_KEY, SEAL_KEY
from tests.proofing.rig import Rig
from tests.support.clock import FakeClock
from tests.support.databases import ServiceDatabase
from tests.support.ports import free_port
from tests.support.run_folder import RunFolder
from tests.support.secret_folder import write_private
from tests.support.service_process import ServiceProcess
from tests.support.virtual_hosts import VirtualHost


@pytest.fixture
def tenants_file(tmp_path: Path) -> Path:
    return write_tenants(tmp_path, {"acme": section()})


@pytest.fixture
async def rig(database: ServiceDatabase, tenants_file: Path, clock: FakeClock) -> AsyncIterator[Rig]:
    """A worker on a real database, with a broker that only notes what it is given."""
    async with open_database(
        database.proofing, schema="proofing", application_name="test", production=False, pool_size=4
    ) as opened:
        yield Rig(opened, owner=database.owner, tenants_file=tenants_file, clock=clock)


@pytest.fixture
def service(
    database: ServiceDatabase, amqp: VirtualHost, tenants_file: Path, tmp_path: Path
) -> Iterator[ServiceProcess]:
    write_private(tmp_path / "data.key", base64.urlsafe_b64encode(DATA_KEY).decode())
    write_private(tmp_path / "seal.key", base64.urlsafe_b64encode(SEAL_KEY).decode())
    environment = {
        "DATABASE_URL": database.proofing,
        "AMQP_URL": amqp.proofing,
        "TENANTS_FILE": str(tenants_file),
        "ADMIN_LISTEN": f"127.0.0.1:{free_port()}",
        "DATA_KEY_FILES": str(tmp_path / "data.key"),
        "SEAL_KEY_FILES": str(tmp_path / "seal.key"),
    }
    folder = RunFolder(tmp_path / "run")
    yield ServiceProcess("proofing", folder, environment)
    folder.stop()
