from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.common.tenants_on_disk import section, write_tenants
from tests.gateway.password_service import PasswordService, serving_passwords
from tests.gateway.rig import Rig, serving
from tests.support.clock import FakeClock
from tests.support.databases import ServiceDatabase


@pytest.fixture
def tenants_file(tmp_path: Path) -> Path:
    steps = {"password": {"revision": 2, "attempts": 3}}
    return write_tenants(tmp_path, {"acme": section(steps=steps)})


@pytest.fixture
async def passwords() -> AsyncIterator[PasswordService]:
    async with serving_passwords() as service:
        yield service


@pytest.fixture
async def rig(
    database: ServiceDatabase, tenants_file: Path, clock: FakeClock, passwords: PasswordService
) -> AsyncIterator[Rig]:
    calls = passwords.calls
    async with serving(database, tenants_file=tenants_file, clock=clock, calls=calls) as rig:
        yield rig
