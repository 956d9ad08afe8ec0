"""Who is written first when not everybody can be."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
import yaml

from common.tenants import Tenant as TenantSettings
from common.tenants_watcher import TenantsWatcher
from metadata_sync import store
from metadata_sync.budgets import limit_of_tenant
from metadata_sync.held import hold_due
from metadata_sync.limiter import fresh_budget
from metadata_sync.store import Pending
from metadata_sync.turns import Turns, weight
from tests.metadata_sync.management_server import Scripted, serve_management
from tests.metadata_sync.rig import open_rig
from tests.metadata_sync.tenant import Tenant
from tests.metadata_sync.updates import KEY, update
from tests.support.databases import ServiceDatabase
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from common.db import Connection

TRACEPARENT = f"00-{'a' * 32}-{'b' * 16}-01"


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


async def test_what_has_gathered_is_for_people_first(
    database: ServiceDatabase, tenants_file: Path, tenant: Tenant
) -> None:
    """Of all who are due at once, nobody is written before people while the budget has room for them."""
    tenants = TenantsWatcher(tenants_file, production=False, parts=frozenset({"management"}))
    acme = tenants.current.get("acme")
    assert acme
    async with open_rig(database.metadata_sync, tenants_file=tenants_file) as rig:
        async with rig.database.transaction() as connection:
            await _fill_budget(connection, acme)
            for waiting in (True, False):
                await connection.execute(
                    """
                    INSERT INTO users (tenant, user_id, state, waiting, wake_at)
                    SELECT 'acme', $1 || n, $2, $3, ws_now() FROM generate_series(1, 10) AS n
                    """,
                    f"{tenant.user_id}-{waiting}-",
                    _wanted(waiting=waiting),
                    waiting,
                )
        await wait_until(lambda: len(rig.rejected) == 20)  # the tenant knows none of them
    written = [call["raw_path"] for call in await tenant.calls("PATCH")]
    assert all("-True-" in path for path in written[:5])


async def _fill_budget(connection: "Connection", acme: TenantSettings) -> None:
    now, limit = await store.read_time(connection), limit_of_tenant(acme)
    budget = await store.lock_budget(
        connection, domain=acme.management.domain, fresh=fresh_budget(limit, now=now)
    )
    pairs = zip(budget.levels, limit.rules, strict=True)
    full = tuple(replace(level, share=rule.our_burst) for level, rule in pairs)
    await store.save_budget(
        connection, replace(budget, levels=full, heard_at=now), domain=acme.management.domain
    )


def _wanted(*, waiting: bool) -> str:
    requester = {"traceparent": TRACEPARENT, "waiting": waiting, "keys": {KEY: 1}}
    return json.dumps(
        {
            "desired": {KEY: {"rev": 1, "value": {}}},
            "changes": dict.fromkeys(("first", "last"), "2026-11-22T00:00:00Z"),
            "requesters": {"tx-1": requester},
        }
    )


async def test_one_tenants_refused_credentials_delay_nobody_else(
    database: ServiceDatabase, tenants_file: Path, tenant: Tenant
) -> None:
    """While one tenant is paused with work pending, another's is written at once."""
    _add_globex(tenants_file, client_id="nobody")
    async with open_rig(database.metadata_sync, tenants_file=tenants_file) as rig:
        for number in range(5):
            await rig.take_in(update(1, user_id=f"auth0|{number}", tenant="globex"))
        await rig.take_in(update(2, user_id=tenant.user_id, waiting=False))
        (applied,) = await rig.until_applied(1, deadline=3)
    assert applied.tenant == "acme"
    refused = [call for call in await tenant.calls("POST") if call["status"] != 200]
    assert 1 <= len(refused) <= 5


def _add_globex(tenants_file: Path, **management: Any) -> None:
    document = yaml.safe_load(tenants_file.read_text())
    globex = yaml.safe_load(tenants_file.read_text())["tenants"]["acme"]
    globex["hosts"] = ["127.0.0.9:9999"]
    globex["management"] |= {"domain": "127.0.0.9:9999", **management}
    document["tenants"]["globex"] = globex
    tenants_file.write_text(yaml.safe_dump(document))


async def test_a_tenant_that_does_not_answer_delays_nobody_else(
    database: ServiceDatabase, tenants_file: Path, tenant: Tenant
) -> None:
    """While people and users of one tenant hang, more than may at once, another's person is written."""
    async with serve_management() as hanging:
        hanging.answers.extend(Scripted(delay=4) for _ in range(200))
        _add_globex(tenants_file, base_url=hanging.origin, rate_profile={"burst": 1000, "per_second": 1000})
        async with open_rig(database.metadata_sync, tenants_file=tenants_file) as rig:
            for number in range(60):
                await rig.take_in(
                    update(1, user_id=f"auth0|{number}", tenant="globex", waiting=number % 2 == 0)
                )
            await wait_until(lambda: len(hanging.patches()) > 1)
            await rig.take_in(update(2, user_id=tenant.user_id))
            (applied,) = await rig.until_applied(1, deadline=3)
    assert applied.tenant == "acme"


async def test_a_paused_tenant_delays_nobody_else(
    database: ServiceDatabase, tenants_file: Path, tenant: Tenant
) -> None:
    """While one tenant's 429 lasts, another's person is written at once."""
    async with serve_management() as limiting:
        limiting.answers.append(Scripted(status=429, headers={"Retry-After": "5"}))
        _add_globex(tenants_file, base_url=limiting.origin)
        async with open_rig(database.metadata_sync, tenants_file=tenants_file) as rig:
            for number in range(5):
                await rig.take_in(update(1, user_id=f"auth0|{number}", tenant="globex"))
            await rig.take_in(update(2, user_id=tenant.user_id))
            (applied,) = await rig.until_applied(1, deadline=3)
    assert applied.tenant == "acme"
    assert len(limiting.patches()) == 1


async def test_a_tenants_backlog_delays_nobody_else(
    database: ServiceDatabase, tenants_file: Path, tenant: Tenant
) -> None:
    """While one tenant has ten thousand due users and a plan of two a second, another's person is written."""
    async with serve_management() as slow:
        _add_globex(tenants_file, base_url=slow.origin, rate_profile="free")
        async with open_rig(database.metadata_sync, tenants_file=tenants_file) as rig:
            async with rig.database.connection() as connection:
                await connection.execute(
                    """
                    INSERT INTO users (tenant, user_id, state, waiting, wake_at)
                    SELECT 'globex', 'auth0|' || n, $1, n % 50 = 0, ws_now() - interval '1 minute'
                    FROM generate_series(1, 10000) AS n
                    """,
                    json.dumps(
                        {
                            "desired": {KEY: {"rev": 1, "value": {}}},
                            "changes": dict.fromkeys(("first", "last"), "2026-11-22T00:00:00Z"),
                        }
                    ),
                )
            await wait_until(slow.patches)
            await rig.take_in(update(2, user_id=tenant.user_id))
            (applied,) = await rig.until_applied(1, deadline=3)
    assert applied.tenant == "acme"
    assert len(slow.patches()) < 20


class Explaining:
    """A connection that notes how many blocks each query reads."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self.blocks: list[int] = []

    async def fetch(self, query: str, *arguments: Any) -> Any:
        await self._explain(query, arguments)
        return await self._connection.fetch(query, *arguments)

    async def fetchrow(self, query: str, *arguments: Any) -> Any:
        await self._explain(query, arguments)
        return await self._connection.fetchrow(query, *arguments)

    async def _explain(self, query: str, arguments: tuple[Any, ...]) -> None:
        explained = await self._connection.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}", *arguments
        )
        plan = json.loads(explained)[0]["Plan"]
        self.blocks.append(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


@pytest.mark.parametrize("due", [True, False])
async def test_looking_costs_the_same_with_100_000_users_pending(
    database: ServiceDatabase,
    tenants_file: Path,
    due: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Finding the next user reads a few blocks, however many wait, due or not, and never reads them all."""
    async with (
        open_rig(database.metadata_sync, tenants_file=tenants_file) as rig,
        rig.database.transaction() as connection,
    ):
        await connection.execute(
            """
            INSERT INTO users (tenant, user_id, state, waiting, wake_at)
            SELECT 'globex', n::text, '{}', n % 50 = 0,
                   ws_now() + make_interval(secs => n * CASE WHEN $1 THEN -0.01 ELSE 0.01 END + 60)
            FROM generate_series(1, 100000) AS n
            """,
            due,
        )
        explaining = Explaining(connection)
        asked = cast("Connection", explaining)
        await store.first_pending(asked)
        counted = await store.backlogs(connection, tenants=["globex"], at_most=1_000)
        held = [
            await hold_due(asked, tenant="globex", waiting=waiting, domain="globex.eu.auth0.com", at_most=4)
            for waiting in (True, False)
        ]
    assert [len(one.users) for one in held] == [4 * due, 4 * due]
    assert max(explaining.blocks) < 60
    assert [backlog.users for backlog in counted] == [1_000, 1_000]


def test_tenants_take_turns() -> None:
    """Whoever was served longest ago is next, and who had nothing to do comes back as such."""
    turns = Turns()
    for tenant in ("a", "b", "a"):
        turns.take(tenant)
    assert sorted(["a", "b", "c"], key=turns.last) == ["c", "b", "a"]
    turns.keep_only(["a", "c"])
    assert turns.last("b") == 0


def test_a_turn_is_as_long_as_the_plan_is_fast() -> None:
    """A tenant of 16 a second has eight writes in the turn of one of 2; nobody more than 16."""
    assert [weight(rate, slowest=2) for rate in (2, 16, 500)] == [1, 8, 16]


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
