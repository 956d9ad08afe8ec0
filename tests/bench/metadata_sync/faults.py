"""Final states after the worst: replicas killed all the time, answers that come too late to be seen."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.bench.metadata_sync.compare import LIMIT
from tests.bench.metadata_sync.outcome import Progress
from tests.bench.metadata_sync.servers import Bench
from tests.bench.metadata_sync.service import Plan, Service, has_nothing_to_do, open_service
from tests.bench.metadata_sync.tenant import Tenant, now, open_tenant
from tests.bench.metadata_sync.workload import Workload
from tests.support.waiting import wait_until

_REPLICAS = 3
_KILL_EVERY_SECONDS = 1.0
_OUR_TIMEOUT_SECONDS = 5
_LATER_SECONDS = (5, 10, 15, 20, 25, 30)
_LATE_PART = 0.1
_LONGEST_SECONDS = 600.0


@dataclass(frozen=True, kw_only=True)
class Settled:
    """How many users were right in the end, how long after the last fault, and how many faults there were."""

    right: int
    users: int
    seconds: float
    calls: int
    faults: int


async def under_fire(bench: Bench, workload: Workload) -> Settled:
    """A replica is killed every second while there is work, and another one started at once."""
    async with _surroundings(bench, "fire", workload, replicas=_REPLICAS) as (tenant, service):
        await tenant.answer_after()
        progress = Progress(workload=workload, tenant=tenant, start=now() + 0.5)
        async with tenant.watched(on_call=progress.hear), asyncio.TaskGroup() as tasks:
            tasks.create_task(service.offer("acme", workload, start=progress.start))
            kills = 0
            while not progress.is_done:
                await asyncio.sleep(_KILL_EVERY_SECONDS)
                await service.replace(kills % _REPLICAS)
                kills += 1
            last_kill = now()
            await _until_idle(service)
        return await _settled(progress, faults=kills, last_fault=last_kill)


async def answered_late(bench: Bench, workload: Workload) -> Settled:
    """One answer of ten comes 5 to 30 s after we gave up, and takes effect only then."""
    async with _surroundings(bench, "late", workload, replicas=1) as (tenant, service):
        await _plant_late_answers(tenant)
        progress = Progress(workload=workload, tenant=tenant, start=now() + 0.5)
        async with tenant.watched(on_call=progress.hear):
            await service.offer("acme", workload, start=progress.start)
            await wait_until(
                lambda: progress.is_done, _LONGEST_SECONDS, what="a first write of all", every=0.2
            )
            await tenant.forget_faults()
            await tenant.answer_after()
            await asyncio.sleep(_OUR_TIMEOUT_SECONDS + max(_LATER_SECONDS))
            await _until_idle(service)
        late = [call.at for call in tenant.calls if call.seconds > _OUR_TIMEOUT_SECONDS]
        return await _settled(progress, faults=len(late), last_fault=max(late, default=progress.start))


async def _plant_late_answers(tenant: Tenant) -> None:
    left = 1.0
    for later in _LATER_SECONDS:
        each = _LATE_PART / len(_LATER_SECONDS)
        await tenant.plant(delay=_OUR_TIMEOUT_SECONDS + later, probability=each / left, seed=later)
        left -= each
    await tenant.answer_after()


@asynccontextmanager
async def _surroundings(
    bench: Bench, name: str, workload: Workload, *, replicas: int
) -> AsyncIterator[tuple[Tenant, Service]]:
    async with open_tenant(bench.folder, f"{name}-tenant") as tenant, bench.place(name) as place:
        plans = {"acme": Plan(tenant=tenant, burst=LIMIT, per_second=LIMIT)}
        async with open_service(bench.folder, place, plans=plans) as service:
            await tenant.prepare(users=range(workload.users), burst=LIMIT, per_second=LIMIT)
            await service.start(replicas)
            yield tenant, service


async def _until_idle(service: Service) -> None:
    async def is_idle() -> bool:
        return await has_nothing_to_do(service.place)

    await wait_until(is_idle, _LONGEST_SECONDS, what="nothing to be left to do", every=1.0)


async def _settled(progress: Progress, *, faults: int, last_fault: float) -> Settled:
    held = await progress.tenant.revs(progress.workload.users)
    model = progress.workload.revs()
    return Settled(
        right=sum(held.get(user) == revs for user, revs in model.items()),
        users=len(model),
        seconds=max(0.0, progress.last_call - last_fault),
        calls=sum(call.is_the_systems for call in progress.tenant.calls),
        faults=faults,
    )
