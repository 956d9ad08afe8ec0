"""What proofing keeps how long, and that nothing older is there after its job."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from common.db import open_database
from common.retention import RetentionJob
from common.tenants_watcher import TenantsWatcher
from common.vault import Vault
from proofing.retention import rules
from tests.common.tenants_on_disk import section, write_tenants
from tests.proofing.commands import ANNA, DATA_KEY, command
from tests.proofing.rig import Rig
from tests.support.clock import FakeClock
from tests.support.databases import ServiceDatabase

KEPT = {"evidence": "30d", "verified_claims": "60d", "verifications": "90d"}


@pytest.fixture
def tenants_file(tmp_path: Path) -> Path:
    return write_tenants(tmp_path, {"acme": section(retention=KEPT)})


@pytest.fixture
async def job(database: ServiceDatabase, tenants_file: Path, clock: FakeClock) -> AsyncIterator[RetentionJob]:
    async with open_database(
        database.proofing, schema="proofing", application_name="test", production=False, pool_size=2
    ) as opened:
        yield RetentionJob(
            database=opened,
            tenants=TenantsWatcher(tenants_file, production=True, parts=frozenset()),
            rules=rules(Vault((DATA_KEY,))),
            clock=clock,
        )


async def _age(rig: Rig, days: int) -> None:
    """Everything has been there for so much longer."""
    for statement in (
        "UPDATE verifications SET requested_at = requested_at - $1::interval",
        "UPDATE evidence SET stored_at = stored_at - $1::interval",
        "UPDATE evidence SET document_until = document_until - $1::interval",
        "UPDATE evidence SET claims_until = claims_until - $1::interval",
        "UPDATE data_keys SET created_at = created_at - $1::interval",
    ):
        await rig.execute(statement.replace("$1", f"'{days} days'"))


async def _left(rig: Rig) -> dict[str, int]:
    return {name: count for name, count in (await rig.count()).items() if name not in ("inbox", "outbox")}


async def test_each_field_goes_when_its_time_has_come(rig: Rig, job: RetentionJob) -> None:
    """First the document, then the claims with their key, at last the verification with its checks."""
    await rig.worker.handle(command())
    everything = await _left(rig)
    await _age(rig, 29)
    await job.enforce()
    assert await _left(rig) == everything
    assert (await rig.evidence(user_id="auth0|anna", verification_id="ver-1"))["mrz"]
    await _age(rig, 2)
    await job.enforce()
    assert await _left(rig) == everything
    kept = await rig.evidence(user_id="auth0|anna", verification_id="ver-1")
    assert kept.keys() == {"verified_claims"}
    assert kept["verified_claims"]["claims"]["family_name"] == "ERIKSSON"
    await _age(rig, 30)
    await job.enforce()
    assert await _left(rig) == everything | {"evidence": 0}
    assert await rig.rows("SELECT * FROM data_keys") == []
    await _age(rig, 30)
    await job.enforce()
    assert await _left(rig) == {"verifications": 0, "checks": 0, "evidence": 0}


async def test_who_was_declined_leaves_no_claims(rig: Rig, job: RetentionJob) -> None:
    """Where nothing was concluded from a document, nothing stays after it."""
    await rig.worker.handle(command(profile=ANNA | {"birthdate": "1990-01-01"}))
    await _age(rig, 31)
    await job.enforce()
    assert (await _left(rig))["evidence"] == 0


async def test_what_people_were_told_holds(rig: Rig, job: RetentionJob, tenants_file: Path) -> None:
    """A longer period in the file keeps nothing longer that is there already, a shorter one takes effect."""
    await rig.worker.handle(command())
    write_tenants(tenants_file.parent, {"acme": section(retention=KEPT | {"evidence": "50d"})})
    job._tenants = TenantsWatcher(tenants_file, production=True, parts=frozenset())
    await _age(rig, 31)
    await job.enforce()
    assert "mrz" not in await rig.evidence(user_id="auth0|anna", verification_id="ver-1")
    write_tenants(
        tenants_file.parent, {"acme": section(retention={"evidence": "1d", "verified_claims": "31d"})}
    )
    job._tenants = TenantsWatcher(tenants_file, production=True, parts=frozenset())
    await job.enforce()
    assert (await _left(rig))["evidence"] == 0


async def test_a_document_that_is_gone_cannot_be_confirmed(rig: Rig, job: RetentionJob) -> None:
    """A second pass after the document's time asks for the whole document."""
    await rig.worker.handle(command())
    await _age(rig, 31)
    await job.enforce()
    confirmed = b'{"profile": {}, "confirmed": {"number": "L898902C3", "expiry": "2030-01-01"}}'
    await rig.worker.handle(command(verification_id="ver-2", previous="ver-1", plaintext=confirmed))
    assert await rig.rows("SELECT status, reasons FROM verifications WHERE verification_id = 'ver-2'") == [
        ("declined", ["previous_unknown"])
    ]


async def test_one_replica_at_a_time(rig: Rig, job: RetentionJob, database: ServiceDatabase) -> None:
    """While another replica is at it, this one deletes nothing and waits for nobody."""
    await rig.worker.handle(command())
    await _age(rig, 100)
    other = await asyncpg.connect(database.proofing, server_settings={"search_path": "proofing"})
    try:
        async with other.transaction():
            await other.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended('waystation retention proofing', 0))"
            )
            await job.enforce()
            assert (await _left(rig))["verifications"] == 1
        await job.enforce()
        assert (await _left(rig))["verifications"] == 0
    finally:
        await other.close()


async def test_without_its_key_file_nothing_is_given_up(rig: Rig, job: RetentionJob) -> None:
    """Where a key file is missing, claims wait for it; what can never open again goes."""
    await rig.worker.handle(command())
    await _age(rig, 31)
    await rig.execute("UPDATE data_keys SET kek_id = 'elsewhere'")
    await job.enforce()
    assert (await _left(rig))["evidence"] == 1
    await rig.execute("DELETE FROM data_keys")
    await job.enforce()
    assert (await _left(rig))["evidence"] == 0
