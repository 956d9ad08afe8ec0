"""Users whom somebody else edits: what was confirmed counts for ten minutes, and then it is written again."""

from pathlib import Path

from common.messages import DesiredValue, UpdateMetadata
from tests.metadata_sync.rig import Rig, open_rig
from tests.metadata_sync.tenant import Tenant
from tests.metadata_sync.updates import KEY, update, value
from tests.support.databases import ServiceDatabase, move_clock

PASSED = {"status": "passed"}


def same(rev: int, *, user_id: str) -> UpdateMetadata:
    """An update that says at each rev the same."""
    return update(rev, user_id=user_id, keys={KEY: DesiredValue(rev=rev, value=PASSED)})


async def test_a_changed_value_goes_over_a_strangers_edit_at_once(rig: Rig, tenant: Tenant) -> None:
    """Whoever edited our key, the next result that differs replaces it, and leaves their keys alone."""
    await rig.take_in(update(1, user_id=tenant.user_id))
    await rig.until_applied()
    await tenant.edit({"theirs": 2, KEY: "edited"})
    await rig.take_in(update(2, user_id=tenant.user_id))
    await rig.until_applied(2)
    assert await tenant.app_metadata() == {"theirs": 2, KEY: value(2)}


async def test_an_equal_value_goes_over_a_strangers_edit_after_ten_minutes(
    database: ServiceDatabase, tenants_file: Path, tenant: Tenant
) -> None:
    """Within ten minutes it counts as written and an edit stays; after them it is written again."""
    async with open_rig(database.metadata_sync, tenants_file=tenants_file) as rig:
        await rig.take_in(same(1, user_id=tenant.user_id))
        await rig.until_applied()
        await tenant.edit({KEY: "edited"})
        await rig.take_in(same(2, user_id=tenant.user_id))
        assert [event.keys for event in await rig.until_applied(2)] == [{KEY: 1}, {KEY: 2}]
    assert await tenant.app_metadata() == {KEY: "edited"}
    await move_clock(database.owner, seconds=601)
    async with open_rig(database.metadata_sync, tenants_file=tenants_file) as rig:
        await rig.take_in(same(3, user_id=tenant.user_id))
        (applied,) = await rig.until_applied()
    assert applied.keys == {KEY: 3}
    assert await tenant.app_metadata() == {KEY: PASSED}
    assert len(await tenant.patches()) == 2
