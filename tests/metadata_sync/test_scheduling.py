"""Who is written first when not everybody can be."""

from pathlib import Path

import yaml

from metadata_sync import store
from metadata_sync.store import Pending
from tests.metadata_sync.rig import open_rig
from tests.metadata_sync.tenant import Tenant
from tests.metadata_sync.updates import update
from tests.support.databases import ServiceDatabase
from tests.support.waiting import wait_until


async def test_a_waiting_person_passes_the_backlog(
    database: ServiceDatabase, small_plan: Path, tenant: Tenant
) -> None:
    """Behind more background work than the limit allows, a person is written within a refill."""
    backlog = [f"{tenant.user_id}-{number}" for number in range(20)]
    for user_id in backlog:
        await tenant.create_user(user_id)
    async with open_rig(database.metadata_sync, tenants_file=small_plan) as rig:
        for user_id in backlog:
            await rig.take_in(update(1, user_id=user_id, waiting=False))
        await rig.until_applied(1)
        await rig.take_in(update(2, user_id=tenant.user_id))
        await wait_until(lambda: any(event.transaction_id == "tx-2" for event in rig.applied), 3)
        assert len(rig.applied) <= 10
        await rig.until_applied(21, deadline=15)
    assert {call["status"] for call in await tenant.calls("PATCH")} == {200}


async def test_one_tenants_refused_credentials_delay_nobody_else(
    database: ServiceDatabase, tenants_file: Path, tenant: Tenant
) -> None:
    """While one tenant is paused with work pending, another's is written at once."""
    _add_tenant_with_wrong_credentials(tenants_file)
    async with open_rig(database.metadata_sync, tenants_file=tenants_file) as rig:
        for number in range(5):
            await rig.take_in(update(1, user_id=f"auth0|{number}", tenant="globex"))
        await rig.take_in(update(2, user_id=tenant.user_id, waiting=False))
        (applied,) = await rig.until_applied(1, deadline=3)
    assert applied.tenant == "acme"
    refused = [call for call in await tenant.calls("POST") if call["status"] != 200]
    assert 1 <= len(refused) <= 5


def _add_tenant_with_wrong_credentials(tenants_file: Path) -> None:
    document = yaml.safe_load(tenants_file.read_text())
    globex = yaml.safe_load(tenants_file.read_text())["tenants"]["acme"]
    globex["hosts"] = ["127.0.0.9:9999"]
    globex["management"] |= {"domain": "127.0.0.9:9999", "client_id": "nobody"}
    document["tenants"]["globex"] = globex
    tenants_file.write_text(yaml.safe_dump(document))


async def test_the_first_of_each_tenant_and_class_is_found(
    database: ServiceDatabase, tenants_file: Path
) -> None:
    """However many users a tenant has, the scheduler reads two rows of it: a waiting one and another."""
    async with (
        open_rig(database.metadata_sync, tenants_file=tenants_file) as rig,
        rig.database.connection() as connection,
    ):
        await connection.execute("""
            INSERT INTO users (tenant, user_id, state, waiting, wake_at)
            SELECT tenant, n::text, '{}', n % 10 = 0, ws_now() + make_interval(secs => 100 + n)
            FROM generate_series(1, 100) AS n, unnest(ARRAY['b', 'a', 'c']) AS tenant
            """)
        await connection.execute("UPDATE users SET wake_at = NULL WHERE tenant = 'c'")
        pending = await store.first_pending(connection)
    rounded = [Pending(tenant=p.tenant, waiting=p.waiting, seconds=round(p.seconds, -1)) for p in pending]
    assert sorted(rounded, key=lambda p: (p.tenant, p.waiting)) == [
        Pending(tenant="a", waiting=False, seconds=100),
        Pending(tenant="a", waiting=True, seconds=110),
        Pending(tenant="b", waiting=False, seconds=100),
        Pending(tenant="b", waiting=True, seconds=110),
    ]
