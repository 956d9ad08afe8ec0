import json
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import yaml

from tests.common.tenants_on_disk import CLIENT_SECRET, section, write_tenants
from tests.metadata_sync.rig import Rig, open_rig
from tests.metadata_sync.tenant import CLIENT_ID, Tenant, open_tenant
from tests.support.databases import ServiceDatabase
from tests.support.ports import free_port
from tests.support.run_folder import RunFolder
from tests.support.secret_folder import SecretFolder
from tests.support.service_process import ServiceProcess
from tests.support.virtual_hosts import VirtualHost

READY_SECONDS = 30.0


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a tenant without Actions listens."""
    folder = RunFolder(tmp_path_factory.mktemp("tenant"))
    config = folder.path / "tenant.yaml"
    client = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "name": "Waystation",
        "grant_types": ["client_credentials"],
        "scope": "update:users update:users_app_metadata create:user_tickets",
    }
    config.write_text(yaml.safe_dump({"tenant": {"id": "acme"}, "clients": [client], "users": []}))
    argv = [sys.executable, "-m", "tests.tenant", "--config", str(config), "--http", "127.0.0.1:0"]
    process = folder.start("tenant", argv, env={})
    try:
        process.block_until_ready(lambda: "tenant.ready" in process.output.read_text(), READY_SECONDS)
        yield json.loads(process.output.read_text().splitlines()[-1])["http"]
    finally:
        folder.stop()


@pytest.fixture
async def tenant(emulator: str) -> AsyncIterator[Tenant]:
    async with open_tenant(emulator) as opened:
        yield opened


def _tenants_file(folder: Path, tenant: Tenant, *, rate_profile: object) -> Path:
    management = {
        "domain": tenant.authority,
        "base_url": tenant.base,
        "client_id": CLIENT_ID,
        "client_secret_file": "secrets/management",
        "rate_profile": rate_profile,
        "reserve": 0.2,
    }
    metadata = {"quiet": "1s", "max_wait": "3s"}
    acme = section(tenant.authority, management=management, metadata=metadata)
    return write_tenants(folder, {"acme": acme})


@pytest.fixture
def tenants_file(tmp_path: Path, tenant: Tenant) -> Path:
    """Tenant `acme`, which is the emulator, with a quiet time of one second."""
    return _tenants_file(tmp_path, tenant, rate_profile="enterprise")


@pytest.fixture
async def small_plan(tmp_path: Path, tenant: Tenant) -> Path:
    """The same, but the tenant has a burst of 6 and 5 a second."""
    plan = {"burst": 6, "per_second": 5}
    await tenant.rate(plan)
    return _tenants_file(tmp_path, tenant, rate_profile=plan)


@pytest.fixture
async def rig(database: ServiceDatabase, tenants_file: Path) -> AsyncIterator[Rig]:
    async with open_rig(database.metadata_sync, tenants_file=tenants_file) as opened:
        yield opened


@pytest.fixture
def service(
    database: ServiceDatabase, amqp: VirtualHost, tenants_file: Path, tmp_path: Path
) -> Iterator[ServiceProcess]:
    keys = SecretFolder(tmp_path / "keys")
    environment = {
        "ENVIRONMENT": "development",
        "OUTGOING_ADDRESSES": "any",
        "DATABASE_URL": database.metadata_sync,
        "AMQP_URL": amqp.metadata_sync,
        "TENANTS_FILE": str(tenants_file),
        "ADMIN_LISTEN": f"127.0.0.1:{free_port()}",
        "DATA_KEY_FILES": str(keys.key_file("data")),
        "SEAL_KEY_FILES": str(keys.key_file("seal")),
        "DRAIN_SECONDS": "0",
    }
    folder = RunFolder(tmp_path / "run")
    yield ServiceProcess("metadata-sync", folder, environment)
    folder.stop()
