"""`ForgetUser` against a tenant: deleted there, written no more, and told when that is certain."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from common.messages import DesiredValue, ForgetUser, new_event_id
from common.tracing import new_traceparent
from tests.metadata_sync.personal_updates import personal_update
from tests.metadata_sync.rig import Rig, open_rig
from tests.metadata_sync.rows import every_row
from tests.metadata_sync.tenant import Tenant
from tests.metadata_sync.updates import KEY, update, value
from tests.support.databases import ServiceDatabase, move_clock
from tests.support.waiting import wait_until

SEEN = f"{KEY}_seen"


def forget(rev: int, *, user_id: str, settle_at: datetime | None = None) -> ForgetUser:
    return ForgetUser(
        event_id=new_event_id(),
        tenant="acme",
        transaction_id=f"erasure-{rev}",
        occurred_at=datetime.now(UTC),
        traceparent=new_traceparent(),
        user_id=user_id,
        rev=rev,
        keys=(KEY, SEEN),
        settle_at=settle_at,
    )


async def test_an_erased_person_is_gone_at_the_tenant(
    database: ServiceDatabase, rig: Rig, tenant: Tenant
) -> None:
    """Our keys and the Action's are deleted by one write, others' stay; what is late is dropped."""
    secret = "Anneliese-4711"
    other = DesiredValue(rev=1, value={"status": "passed"})
    await rig.take_in(
        personal_update(
            1, user_id=tenant.user_id, user_metadata={"nick": secret}, keys={"waystation_x": other}
        )
    )
    await rig.until_applied()
    await tenant.edit({"theirs": 1, "waystation_x": {}, SEEN: {"status": "passed"}})
    erasing = forget(2, user_id=tenant.user_id)
    await rig.handle(erasing)
    await rig.handle(erasing)
    await rig.take_in(update(1, user_id=tenant.user_id))
    await wait_until(lambda: rig.forgotten, what="the report")
    assert await tenant.app_metadata() == {"theirs": 1}
    (told,) = rig.forgotten
    assert (told.transaction_id, told.user_id, told.rev, told.service) == (
        "erasure-2",
        tenant.user_id,
        2,
        "metadata-sync",
    )
    rows = "\n".join(await every_row(database))
    assert [word for word in (secret, "nick", "passed") if word in rows] == []
    patches = len(await tenant.calls("PATCH"))
    await rig.take_in(update(1, user_id=tenant.user_id), update(3, user_id=tenant.user_id))
    await rig.until_applied(2)
    assert await tenant.app_metadata() == {"theirs": 1, KEY: value(3)}
    assert len(await tenant.calls("PATCH")) == patches + 1


async def test_what_is_under_way_cannot_bring_anything_back(
    database: ServiceDatabase, tenants_file: Path, tenant: Tenant
) -> None:
    """A write that the tenant still works on and an answer that is out are each followed by a deletion."""
    await tenant.fault(delay=2)
    async with open_rig(database.metadata_sync, tenants_file=tenants_file) as rig:
        await rig.take_in(update(1, user_id=tenant.user_id))
        await wait_until(tenant.met_faults, what="the write to be at the tenant")
        settle_at = datetime.now(UTC) + timedelta(seconds=180)
        await rig.handle(forget(2, user_id=tenant.user_id, settle_at=settle_at))
        await wait_until(lambda: _wrote(tenant, 2), 20, what="the deletion after it")
        assert await tenant.app_metadata() == {"theirs": 1}
        assert (rig.applied, rig.forgotten) == ([], [])
    # The Action writes what an answer of ours says that is still out.
    await tenant.edit({"theirs": 1, KEY: value(1), SEEN: value(1)})
    await move_clock(database.owner, seconds=181)
    async with open_rig(database.metadata_sync, tenants_file=tenants_file) as later:
        await wait_until(lambda: later.forgotten, 20, what="the report")
    assert await tenant.app_metadata() == {"theirs": 1}
    assert (await tenant.patches())[1:] == [{KEY: None, SEEN: None}] * 2


async def test_who_came_back_keeps_what_is_new(database: ServiceDatabase, rig: Rig, tenant: Tenant) -> None:
    """Personal values that overtook the erasure are written, and no longer open with the key that is gone."""
    await tenant.fault(status=429, headers={"Retry-After": "1"})
    await rig.take_in(
        personal_update(3, user_id=tenant.user_id, user_metadata={"nick": "Ann"}, waiting=False)
    )
    before = [row for row in await every_row(database) if "encrypted" in row]
    await rig.handle(forget(2, user_id=tenant.user_id))
    await wait_until(lambda: rig.forgotten, 20, what="the report")
    await rig.until_applied(deadline=20)
    assert (await tenant.user())["user_metadata"]["nick"] == "Ann"
    assert before != [row for row in await every_row(database) if "encrypted" in row]


async def _wrote(tenant: Tenant, count: int) -> bool:
    return len(await tenant.calls("PATCH")) >= count
