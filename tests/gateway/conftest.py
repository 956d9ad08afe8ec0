from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.common.tenants_on_disk import section, write_tenants
from tests.gateway.browsers import Browser
from tests.gateway.rig import Rig, serving
from tests.support.clock import FakeClock
from tests.support.databases import ServiceDatabase


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
