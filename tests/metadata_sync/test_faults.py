"""Tenants that refuse, limit, fail and forget; workers that vanish."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.metadata_sync.rig import Rig, open_rig
from tests.metadata_sync.tenant import Tenant
from tests.metadata_sync.updates import KEY, update, value
from tests.support.databases import ServiceDatabase, move_clock
from tests.support.waiting import wait_until


@pytest.fixture
async def owner(database: ServiceDatabase) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """The database as its owner sees it."""
    connection = await asyncpg.connect(database.owner, server_settings={"search_path": "metadata_sync"})
    yield connection
    await connection.close()


def _times(calls: list[dict[str, Any]]) -> list[tuple[datetime, datetime]]:
    """When each call came in and was answered."""
    begun = [datetime.fromisoformat(call["t_in"]) for call in calls]
    return [(at, at + timedelta(milliseconds=call["ms"])) for at, call in zip(begun, calls, strict=True)]


async def test_a_429_pauses_the_tenant_and_costs_no_attempt(rig: Rig, tenant: Tenant) -> None:
    """Nobody is written before Retry-After has passed, then everybody, and no failure is counted."""
    await tenant.create_user(f"{tenant.user_id}-other")
    await tenant.fault(status=429, headers={"Retry-After": "2"})
    await rig.take_in(update(1, user_id=tenant.user_id))
    await wait_until(tenant.patches)
    await rig.take_in(update(2, user_id=f"{tenant.user_id}-other"))
    await rig.until_applied(2)
    first, *rest = _times(await tenant.calls("PATCH"))
    assert len(rest) == 2
    assert all(begun - first[1] >= timedelta(seconds=1.9) for begun, _ in rest)


async def test_an_expired_token_is_renewed_once(rig: Rig, tenant: Tenant) -> None:
    """A 401 fetches one new token, and the write goes on with it."""
    await rig.take_in(update(1, user_id=tenant.user_id))
    await rig.until_applied()
    await tenant.fault(expire_token=True)
    await rig.take_in(update(2, user_id=tenant.user_id))
    await rig.until_applied(2)
    assert len(await tenant.calls("POST")) == 2
    assert [call["status"] for call in await tenant.calls("PATCH")] == [200, 401, 200]


async def test_refused_credentials_pause_the_tenant_until_a_probe_succeeds(rig: Rig, tenant: Tenant) -> None:
    """A 403 stops all calls; one probe later everything flows, and nothing was lost."""
    await tenant.fault(status=403)
    await rig.take_in(update(1, user_id=tenant.user_id))
    await wait_until(tenant.patches)
    (applied,) = await rig.until_applied()
    assert applied.keys == {KEY: 1}
    refused, probe = _times(await tenant.calls("PATCH"))
    assert probe[0] - refused[1] >= timedelta(seconds=1.9)


async def test_a_missing_user_is_parked_and_others_flow(rig: Rig, tenant: Tenant) -> None:
    """A 404 is never repeated: who asked is told, and a newer update is tried again."""
    nobody = f"{tenant.user_id}-nobody"
    await rig.take_in(update(1, user_id=nobody), update(2, user_id=tenant.user_id))
    await rig.until_applied()
    await wait_until(lambda: rig.rejected)
    (rejected,) = rig.rejected
    assert (rejected.transaction_id, rejected.user_id, rejected.keys, rejected.reason) == (
        "tx-1",
        nobody,
        {KEY: 1},
        "user_not_found",
    )
    await tenant.create_user(nobody)
    await rig.take_in(update(3, user_id=nobody))
    applied = await rig.until_applied(2)
    assert applied[1].user_id == nobody
    assert [call["status"] for call in await tenant.calls("PATCH")] == [404, 200, 200]


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_failing_tenant_is_tried_again(rig: Rig, tenant: Tenant, status: int) -> None:
    """A 5xx is repeated after a pause until it is a 200."""
    await tenant.fault(times=2, status=status)
    await rig.take_in(update(1, user_id=tenant.user_id))
    await rig.until_applied()
    assert [call["status"] for call in await tenant.calls("PATCH")] == [status, status, 200]


async def test_a_write_whose_end_was_not_seen_is_settled(
    database: ServiceDatabase, tenants_file: Path, tenant: Tenant
) -> None:
    """A lost answer is repeated at once, and once more when nothing of it can be under way any more."""
    await tenant.fault(reset="after-commit")
    async with open_rig(database.metadata_sync, tenants_file=tenants_file) as rig:
        await rig.take_in(update(1, user_id=tenant.user_id))
        await rig.until_applied()
    assert await tenant.patches() == [{KEY: value(1)}] * 2
    await move_clock(database.owner, seconds=61)
    async with open_rig(database.metadata_sync, tenants_file=tenants_file) as a_minute_later:
        await wait_until(lambda: _is_settled(a_minute_later, tenant))
        assert a_minute_later.applied == []
    assert await tenant.patches() == [{KEY: value(1)}] * 3
    assert await tenant.app_metadata() == {"theirs": 1, KEY: value(1)}


async def _is_settled(rig: Rig, tenant: Tenant) -> bool:
    state = await rig.state_of(tenant.user_id)
    return state.attempt is None and not state.unsettled


async def test_a_worker_that_lost_its_lease_stops_and_marks_its_keys(
    rig: Rig, owner: "asyncpg.Connection[asyncpg.Record]", tenant: Tenant
) -> None:
    """A stolen lease breaks off the call; the user is written again and its keys stay unsettled."""
    await tenant.fault(delay=4)
    await rig.take_in(update(1, user_id=tenant.user_id))
    await owner.execute("UPDATE users SET lease = lease + 1")
    (applied,) = await rig.until_applied(deadline=15)
    assert applied.keys == {KEY: 1}
    state = await rig.state_of(tenant.user_id)
    assert list(state.unsettled) == [KEY]
    assert await owner.fetchval("SELECT budget -> 'on_the_way' FROM budgets") == "0"


async def test_a_long_call_keeps_its_lease(rig: Rig, tenant: Tenant) -> None:
    """A call that takes nearly as long as the lease is renewed and confirmed by its own worker."""
    await tenant.fault(delay=4.5)
    await rig.take_in(update(1, user_id=tenant.user_id))
    await rig.until_applied()
    assert len(await tenant.patches()) == 1
    assert (await rig.state_of(tenant.user_id)).unsettled == {}


async def test_two_replicas_never_write_one_user_at_once(
    database: ServiceDatabase, tenants_file: Path, tenant: Tenant
) -> None:
    """However updates are spread over replicas, the calls of one user follow each other."""
    await tenant.fault(times=100, delay=0.05)
    async with (
        open_rig(database.metadata_sync, tenants_file=tenants_file) as one,
        open_rig(database.metadata_sync, tenants_file=tenants_file) as two,
    ):
        for rev in range(1, 21):
            await (one if rev % 2 else two).take_in(update(rev, user_id=tenant.user_id))
            await asyncio.sleep(0.01)
        await wait_until(lambda: len(one.applied) + len(two.applied) == 20)
    times = _times(await tenant.calls("PATCH"))
    assert all(ended <= begun for (_, ended), (begun, _) in pairwise(times))
    assert (await tenant.app_metadata())[KEY] == value(20)


async def test_after_a_failover_one_request_asks_first(
    rig: Rig, owner: "asyncpg.Connection[asyncpg.Record]", tenant: Tenant
) -> None:
    """Of a budget that another server process left, one request is sent, and its answer corrects it."""
    people = [f"{tenant.user_id}-{number}" for number in range(4)]
    for user_id in people:
        await tenant.create_user(user_id)
    await rig.take_in(update(1, user_id=tenant.user_id))
    await rig.until_applied()
    await owner.execute("UPDATE budgets SET server_started_at = server_started_at - interval '1 hour'")
    await tenant.fault(delay=0.5)
    await rig.take_in(*(update(1, user_id=user_id) for user_id in people))
    await rig.until_applied(5)
    _, asking, *others = _times(await tenant.calls("PATCH"))
    assert len(others) == 3
    assert all(begun >= asking[1] for begun, _ in others)


async def test_replicas_share_one_budget(database: ServiceDatabase, small_plan: Path, tenant: Tenant) -> None:
    """Two replicas with more work than the limit allows are never refused, and lose nothing."""
    people = [f"{tenant.user_id}-{number}" for number in range(12)]
    for user_id in people:
        await tenant.create_user(user_id)
    async with (
        open_rig(database.metadata_sync, tenants_file=small_plan) as one,
        open_rig(database.metadata_sync, tenants_file=small_plan) as two,
    ):
        for number, user_id in enumerate(people):
            await (one if number % 2 else two).take_in(update(1, user_id=user_id))
        await wait_until(lambda: len(one.applied) + len(two.applied) == 12, 20)
    assert [call["status"] for call in await tenant.calls("PATCH")] == [200] * 12
