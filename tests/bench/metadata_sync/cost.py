"""What a background update costs beside its call, in CPU, next to one INSERT … ON CONFLICT by asyncpg.

CPU of the worker and of its PostgreSQL backends. The calls are made again by the service's own client alone,
and what that costs is taken off. Both sides run in turns on the same durable server.
"""

import asyncio
import time
from dataclasses import dataclass

import asyncpg

from common.clock import SystemClock
from metadata_sync.account import Account
from metadata_sync.coalesce import Patch
from metadata_sync.management import open_management_client
from tests.bench.cpu import cpu_seconds
from tests.bench.metadata_sync.servers import Bench, Place
from tests.bench.metadata_sync.service import (
    Plan,
    Service,
    backend_cpu_seconds,
    has_nothing_to_do,
    open_service,
)
from tests.bench.metadata_sync.tenant import CLIENT, SECRET, Tenant, now, open_tenant
from tests.bench.metadata_sync.workload import Workload, one_each, scattered, user_id
from tests.support.waiting import wait_until

_LIMIT = 50
_NO_LIMIT = 10_000
_ARRIVALS = 2_000
_INSERTS = 2_000
_INSERTS_AT_ONCE = 8
_CALLS = 500
_CALLS_AT_ONCE = 8
_LONGEST_SECONDS = 120.0
_IDLE_SECONDS = 5.0
_TABLE = "CREATE TABLE IF NOT EXISTS bench_floor (id text PRIMARY KEY, state jsonb NOT NULL, at timestamptz)"
_INSERT = """
    INSERT INTO bench_floor (id, state, at) VALUES ($1, $2, clock_timestamp())
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, at = excluded.at
"""
_STATE = '{"desired": {"waystation_idproof": {"rev": 1, "value": {"v": 1, "status": "passed"}}}}'


@dataclass(frozen=True, kw_only=True)
class Cost:
    """CPU in microseconds: of an update without its part of a call, of the call, of the insert."""

    update: float
    call: float
    insert: float
    calls: int


async def costs(bench: Bench, *, turns: int, updates: int, users: int, seed: int) -> list[Cost]:
    """One cost for each turn: `updates` of `users` users, none of them waited for."""
    async with open_tenant(bench.folder, "cost-tenant") as tenant, bench.place("cost") as place:
        plans = {
            "acme": Plan(
                tenant=tenant,
                burst=_LIMIT,
                per_second=_LIMIT,
            )
        }
        await tenant.prepare(users=range(users * turns), burst=_LIMIT, per_second=_LIMIT)
        async with open_service(bench.folder, place, plans=plans) as service:
            await service.start(1)
            idle = await _idle_cost(service)
            found = []
            for turn in range(turns):
                workload = scattered(
                    updates=updates,
                    users=users,
                    seconds=updates / _ARRIVALS,
                    people=0,
                    seed=seed + turn,
                    first_user=turn * users,
                )
                insert = await _insert_cost(place)
                await tenant.limit(burst=_NO_LIMIT, per_second=_NO_LIMIT)
                call = await _call_cost(tenant)
                await tenant.limit(burst=_LIMIT, per_second=_LIMIT)
                found.append(await _turn(service, tenant, workload, idle=idle, insert=insert, call=call))
            return found


async def _turn(
    service: Service, tenant: Tenant, workload: Workload, *, idle: float, insert: float, call: float
) -> Cost:
    await tenant.forget_calls()
    before, started = await _used(service), time.monotonic()
    async with tenant.watched():
        await service.offer("acme", workload, start=now())

        async def is_idle() -> bool:
            return await has_nothing_to_do(service.place)

        await wait_until(is_idle, _LONGEST_SECONDS, what="the updates to be written", every=0.25)
        await asyncio.sleep(1)
    calls = len(tenant.calls)
    used = await _used(service) - before - idle * (time.monotonic() - started)
    return Cost(
        update=(used * 1e6 - calls * call) / len(workload.updates), call=call, insert=insert, calls=calls
    )


async def _used(service: Service) -> float:
    return service.cpu_seconds() + await backend_cpu_seconds(service.place)


async def _idle_cost(service: Service) -> float:
    """What it uses each second with nothing to do."""
    before = await _used(service)
    await asyncio.sleep(_IDLE_SECONDS)
    return (await _used(service) - before) / _IDLE_SECONDS


async def _insert_cost(place: Place) -> float:
    """The floor: a pool of eight connections, each statement with its own commit."""
    async with asyncpg.create_pool(place.database.owner, min_size=8, max_size=8) as pool:
        await pool.execute(_TABLE)
        slots = asyncio.Semaphore(_INSERTS_AT_ONCE)

        async def insert(number: int) -> None:
            async with slots:
                await pool.execute(_INSERT, user_id(number), _STATE)

        pids = [row["pid"] for row in await pool.fetch(_BACKENDS)]
        await asyncio.gather(*map(insert, range(100)))
        own, theirs = time.process_time(), sum(map(cpu_seconds, pids))
        await asyncio.gather(*map(insert, range(_INSERTS)))
        used = time.process_time() - own + sum(map(cpu_seconds, pids)) - theirs
    return used * 1e6 / _INSERTS


_BACKENDS = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user AND backend_type = 'client backend'
"""


async def _call_cost(tenant: Tenant) -> float:
    """One call by the service's own client, its answer read."""
    account = Account(domain=tenant.authority, origin=tenant.origin, client_id=CLIENT, client_secret=SECRET)
    update = one_each(users=1, seconds=0).updates[0]
    patch = Patch(first=(update.key, update.value))
    slots = asyncio.Semaphore(_CALLS_AT_ONCE)
    async with open_management_client(SystemClock()) as client:

        async def call(number: int) -> None:
            async with slots:
                await client.patch_user(account, user_id(number), patch=patch)

        await asyncio.gather(*map(call, range(_CALLS_AT_ONCE)))
        before = time.process_time()
        await asyncio.gather(*(call(number % 100) for number in range(_CALLS)))
        return (time.process_time() - before) * 1e6 / _CALLS
