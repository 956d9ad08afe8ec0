"""Users that are written side by side: leases taken in one transaction, and ends recorded in one."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from common.clock import SystemClock
from common.db import Database, open_database
from common.relay import Relay
from common.sealing import Sealer
from common.tenants import Tenant
from common.tenants_watcher import TenantsWatcher
from common.vault import Vault
from metadata_sync import store
from metadata_sync.errors import LeaseLostError, NotSentError
from metadata_sync.leases import Lease, Leases, Taken
from metadata_sync.management import Accepted
from metadata_sync.personal import Personal
from metadata_sync.rate_headers import RateHeaders
from tests.metadata_sync.rig import DATA_KEY, SEAL_KEY, NotingPublisher
from tests.metadata_sync.updates import KEY
from tests.support.databases import ServiceDatabase

DUE = """
    INSERT INTO users (tenant, user_id, state, wake_at)
    SELECT 'acme', 'auth0|' || n, $2, ws_now() - make_interval(secs => 100 - n)
    FROM generate_series(1, $1) AS n
"""
TRACE = f"00-{'a' * 32}-{'b' * 16}-01"
STATE = {
    "desired": {KEY: {"rev": 1, "value": {"status": "passed"}}},
    "changes": dict.fromkeys(("first", "last"), "2026-11-22T00:00:00Z"),
    "requesters": {"tx-1": {"traceparent": TRACE, "waiting": False, "keys": {KEY: 1}}},
}
TAKEN = Accepted(sent=1, headers=RateHeaders(limit=50, remaining=49))


class Replica:
    """Leases of a tenant, without anybody who would use them."""

    def __init__(self, database: Database, tenant: Tenant) -> None:
        self.database = database
        self.publisher = NotingPublisher()
        clock = SystemClock()
        self.leases = Leases(
            database=database,
            personal=Personal(sealer=Sealer((SEAL_KEY,)), vault=Vault((DATA_KEY,))),
            relay=Relay(database=database, publisher=self.publisher, clock=clock),
            clock=clock,
        )
        self._tenant = tenant

    async def has_due(self, users: int) -> None:
        async with self.database.connection() as connection:
            await connection.execute(DUE, users, json.dumps(STATE))

    async def take(self, at_most: int) -> Taken:
        return await self.leases.take_due(self._tenant, waiting=False, at_most=at_most)

    async def take_after_an_answer(self, at_most: int) -> tuple[Lease, ...]:
        """Of a domain that has told nothing yet one request at a time asks; then our share is full."""
        (first,) = (await self.take(at_most)).leases
        await self.leases.give_back(first, TAKEN)
        await self.rows("UPDATE budgets SET budget = jsonb_set(budget, '{levels,0,share}', '40') RETURNING 1")
        return (await self.take(at_most)).leases

    async def rows(self, statement: str) -> list[tuple[object, ...]]:
        async with self.database.connection() as connection:
            return [tuple(row) for row in await connection.fetch(statement)]


@pytest.fixture
async def replica(database: ServiceDatabase, tenants_file: Path) -> AsyncIterator[Replica]:
    tenants = TenantsWatcher(tenants_file, production=False, parts=frozenset({"management"}))
    tenant = tenants.current.get("acme")
    assert tenant is not None
    async with open_database(
        database.metadata_sync,
        schema="metadata_sync",
        application_name="test",
        production=False,
        all_tenants=True,
    ) as opened:
        yield Replica(opened, tenant)


async def test_so_many_as_the_budget_allows(replica: Replica) -> None:
    """Leases are taken many at a time, each charged, those first who are due longest; no user twice."""
    await replica.has_due(10)
    leases = await replica.take_after_an_answer(4)
    assert [lease.user_id for lease in leases] == [f"auth0|{number}" for number in range(2, 6)]
    assert [lease.charged_as for lease in leases] == [2, 3, 4, 5]
    await replica.rows(
        "UPDATE budgets SET budget = jsonb_set(budget, '{levels,0,share}', '-1000') RETURNING 1"
    )
    denied = await replica.take(4)
    assert denied.leases == ()
    assert denied.wait


async def test_who_makes_users_holds_none_while_waiting(replica: Replica) -> None:
    """Two replicas that take in updates of new and known users at once never wait for each other."""
    new, known = ("acme", "auth0|new"), ("acme", "auth0|known")
    async with replica.database.transaction() as connection:
        await store.lock_users(connection, [known])
    async with replica.database.connection() as third, replica.database.transaction() as second:
        pid = await second.fetchval("SELECT pg_backend_pid()")
        async with replica.database.transaction() as first:
            await store.lock_users(first, [new])
            both = asyncio.create_task(store.lock_users(second, [new, known]))
            while not await third.fetchval("SELECT cardinality(pg_blocking_pids($1)) > 0", pid):
                assert not both.done()
            await store.lock_users(first, [known])
        assert list(await both) == [known, new]


async def test_the_time_of_a_row_that_was_waited_for(replica: Replica) -> None:
    """Whoever waits for a row reads the time when they have it: a lease counts from there."""
    user = ("acme", "auth0|1")
    async with replica.database.transaction() as connection:
        await store.lock_users(connection, [user])
    async with replica.database.connection() as third, replica.database.transaction() as second:
        pid = await second.fetchval("SELECT pg_backend_pid()")
        async with replica.database.transaction() as first:
            held = (await store.lock_users(first, [user]))[user]
            waiting = asyncio.create_task(store.lock_users(second, [user]))
            while not await third.fetchval("SELECT cardinality(pg_blocking_pids($1)) > 0", pid):
                assert not waiting.done()
            await store.save_user(first, held)
            given_back_at = await third.fetchval("SELECT ws_now()")
        assert (await waiting)[user].now >= given_back_at


async def test_nobody_is_due(replica: Replica) -> None:
    """Where nobody is left, nothing is charged."""
    assert await replica.take(8) == Taken(leases=(), wait=None)
    assert await replica.rows("SELECT FROM budgets") == []


async def test_of_those_that_end_together_one_was_lost(replica: Replica) -> None:
    """Of attempts that end together each is recorded by its own end; who lost its lease records nothing."""
    await replica.has_due(5)
    confirmed, lost, failed = await replica.take_after_an_answer(3)
    await replica.rows(f"UPDATE users SET lease = lease + 1 WHERE user_id = '{lost.user_id}' RETURNING 1")  # noqa: S608 - ours
    ends = ((confirmed, TAKEN), (lost, TAKEN), (failed, NotSentError("unreachable", sent=0)))
    results = await asyncio.gather(*(replica.leases.give_back(*one) for one in ends), return_exceptions=True)
    assert results[0] is None
    assert isinstance(results[1], LeaseLostError)
    assert isinstance(results[2], float)
    rows = await replica.rows(
        "SELECT user_id, state ? 'confirmed', state ? 'attempt', coalesce(state->>'failures', '0')"
        " FROM users ORDER BY user_id"
    )
    assert rows == [
        ("auth0|1", True, False, "0"),
        (confirmed.user_id, True, False, "0"),
        (lost.user_id, False, True, "0"),
        (failed.user_id, False, False, "1"),
        ("auth0|5", False, False, "0"),
    ]
    ((on_the_way,),) = await replica.rows("SELECT (budget->>'on_the_way')::int FROM budgets")
    assert on_the_way == 1
