from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from common.db import open_database
from tests.common.tenants_on_disk import section, write_tenants
from tests.proofing.rig import Rig
from tests.support.clock import FakeClock
from tests.support.databases import ServiceDatabase


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
