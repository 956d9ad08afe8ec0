"""What a background update costs besides the call, in CPU, next to one INSERT … ON CONFLICT by asyncpg.

Of the update: all that the worker and its PostgreSQL backends use from the queue to the published
MetadataApplied (taking in, merging, scheduling, the write, the answer), divided by the updates; less what
they use with nothing to do, and less the call. Ten updates of a user come to about one call, at the limit of
the other parts. Of the call: as many PATCHes, at most `_CALLS`, by a bare aiohttp client, at the pace at
which the service made them. Of the insert: client and backend, a statement with its own commit each, eight
at once, on the same durable server, before the updates and after them. Turn by turn.
"""

import asyncio
import time
from dataclasses import dataclass

import asyncpg

from tests.bench.cpu import Others, cpu_seconds
from tests.bench.metadata_sync.crowd import at_each
from tests.bench.metadata_sync.servers import Bench, Place
from tests.bench.metadata_sync.service import (
    Plan,
    Service,
    backend_cpu_seconds,
    has_nothing_to_do,
    open_service,
)
from tests.bench.metadata_sync.tenant import Tenant, now, open_tenant
from tests.bench.metadata_sync.workload import Workload, result, scattered, user_id
from tests.support.waiting import wait_until

_LIMIT = 50
_ARRIVALS = 2_000
_INSERTS = 5_000
_INSERTS_AT_ONCE = 8
_CALLS = 400
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
    """CPU in microseconds: of an update without its part of a call, of the call, of the insert.

    `emulator`: what the tenant used for a call; `others`: cores that nobody of the bench used.
    """

    update: float
    call: float
    insert: float
    calls: int
    emulator: float
    others: float


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
                found.append(await _turn(service, tenant, workload, idle=idle))
            return found


async def _turn(service: Service, tenant: Tenant, workload: Workload, *, idle: float) -> Cost:
    others = Others()
    insert_before = await _insert_cost(service.place)
    await tenant.forget_calls()
    emulator = cpu_seconds(tenant.process.pid)
    before, started = await _used(service), time.monotonic()
    async with tenant.watched():
        await service.offer("acme", workload, start=now())

        async def is_idle() -> bool:
            return await has_nothing_to_do(service.place)

        await wait_until(is_idle, _LONGEST_SECONDS, what="the updates to be written", every=0.25)
        await asyncio.sleep(1)
    used = await _used(service) - before - idle * (time.monotonic() - started)
    emulator = cpu_seconds(tenant.process.pid) - emulator
    moments = [call.at for call in tenant.calls]
    count = len(moments)
    call = await _call_cost(tenant, workload, calls=count, seconds=max(moments) - min(moments))
    insert_after = await _insert_cost(service.place)
    return Cost(
        update=(used * 1e6 - count * call) / len(workload.updates),
        call=call,
        insert=(insert_before + insert_after) / 2,
        calls=count,
        emulator=emulator * 1e6 / count,
        others=others.cores(),
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


async def _call_cost(tenant: Tenant, workload: Workload, *, calls: int, seconds: float) -> float:
    """One PATCH by aiohttp alone, its answer read."""
    times = [number * seconds / calls for number in range(min(calls, _CALLS))]

    async def call(number: int, _at: float) -> None:
        update = workload.updates[number % len(workload.updates)]
        await tenant.patch(update.user, {update.key: result(update.rev)}, who="bench-floor")

    await tenant.patch(workload.updates[0].user, {"waystation_idproof": result(1)}, who="bench-floor")
    before = time.process_time()
    await at_each(times, call, start=now())
    return (time.process_time() - before) * 1e6 / len(times)
