"""People behind a loaded backlog, in turns with the same people without it, and what it does to memory.

The backlog is loaded through the queue once. In the turns without it its users are put to sleep in the
database and woken again afterwards, so that both kinds of turn meet the same machine, process and people.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

from tests.bench.cpu import Others, most_memory
from tests.bench.metadata_sync.crowd import at_each, moments
from tests.bench.metadata_sync.servers import Bench
from tests.bench.metadata_sync.service import Plan, Service, ask, open_service, told
from tests.bench.metadata_sync.tenant import Tenant, now, open_tenant
from tests.bench.metadata_sync.workload import KEYS, Update, one_each
from tests.support.waiting import wait_until

_WRITTEN_FIRST = 12_000  # as many of the backlog as could be written in the longest run
_FEW = 1_000
_PEOPLE_FROM = 1_000_000
_PEOPLE = 200
_KEY = next(iter(KEYS))
_INTAKE_SECONDS = 600.0
_AT_WORK_SECONDS = 5.0
_ANSWERED_SECONDS = 30.0
_CHUNK = 500


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A tenant with a plan, `people` a second and, if it is `loaded`, a part of the backlog."""

    name: str
    plan: str
    burst: int
    per_second: int
    people: float
    loaded: int


@dataclass(kw_only=True)
class Behind:
    """Seconds that people waited by tenant, without the backlog and behind it, turn by turn.

    `others`: cores that nobody of the bench used in a turn. `memory` in MB by pending users.
    """

    without: list[dict[str, list[float]]] = field(default_factory=list)
    behind: list[dict[str, list[float]]] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    memory: dict[int, float] = field(default_factory=dict)
    intake_per_second: float = 0.0


def kinds(*, backlog: int, slow_tenants: int) -> list[Kind]:
    """The tenant with the backlog, a second one beside it, and small plans with a backlog of their own."""
    small = backlog // 50
    found = [
        Kind(name="big", plan="first tenant", burst=50, per_second=50, people=2.0, loaded=backlog),
        Kind(name="second", plan="second tenant", burst=50, per_second=50, people=2.0, loaded=0),
    ]
    for number in range(slow_tenants):
        found += [
            Kind(name=f"nonprod-{number}", plan="nonprod", burst=10, per_second=2, people=0.1, loaded=small),
            Kind(name=f"free-{number}", plan="free", burst=2, per_second=2, people=0.1, loaded=small),
        ]
    return found


async def people_behind_a_backlog(
    bench: Bench, tenants: list[Kind], *, turns: int, seconds: float, seed: int
) -> Behind:
    """`turns` pairs of `seconds` each, without the backlog and behind it."""
    measured = Behind()
    async with AsyncExitStack() as stack:
        emulators = await _emulators(bench, tenants, stack)
        plans = {
            one.name: Plan(tenant=emulators[one.name], burst=one.burst, per_second=one.per_second, quiet=1)
            for one in tenants
        }
        place = await stack.enter_async_context(bench.place("backlog"))
        service = await stack.enter_async_context(open_service(bench.folder, place, plans=plans))
        await service.start(1)
        await _load(service, [replace(tenants[0], loaded=_FEW)], skip=0)
        measured.memory[_FEW] = await _memory_at_work(service)
        service.stop()
        await service.start(1)
        started = now()
        loaded = await _load(service, tenants, skip=_FEW)
        measured.intake_per_second = loaded / (now() - started)
        measured.memory[sum(one.loaded for one in tenants)] = await _memory_at_work(service)
        crowd = _Crowd(service, emulators)
        async with told(place, crowd.hear):
            for turn in range(turns):
                most = 0.0
                for is_loaded in (True, False) if turn % 2 else (False, True):
                    async with _state(service, is_loaded=is_loaded):
                        others = Others()
                        waits = await crowd.come(tenants, seconds=seconds, seed=seed + turn)
                        most = max(most, others.cores())
                    (measured.behind if is_loaded else measured.without).append(waits)
                measured.others.append(most)
    return measured


async def _emulators(bench: Bench, tenants: Iterable[Kind], stack: AsyncExitStack) -> dict[str, Tenant]:
    found = {}
    for one in tenants:
        tenant = await stack.enter_async_context(open_tenant(bench.folder, f"backlog-{one.name}"))
        users = [*range(min(one.loaded, _WRITTEN_FIRST)), *range(_PEOPLE_FROM, _PEOPLE_FROM + _PEOPLE)]
        await tenant.prepare(users=users, burst=one.burst, per_second=one.per_second)
        await tenant.answer_after()
        found[one.name] = tenant
    return found


async def _load(service: Service, tenants: Sequence[Kind], *, skip: int) -> int:
    """Publish one update of each user, and wait until all of it is taken in; how many there were."""
    count = 0
    for one in tenants:
        updates = one_each(users=one.loaded, seconds=0).updates[skip if one is tenants[0] else 0 :]
        for begin in range(0, len(updates), _CHUNK):
            await service.publish(one.name, updates[begin : begin + _CHUNK])
        count += len(updates)

    async def is_taken_in() -> bool:
        taken = await ask(service.place, "SELECT count(*) FROM metadata_sync.inbox")
        return bool(taken >= sum(one.loaded for one in tenants))

    await wait_until(is_taken_in, _INTAKE_SECONDS, what="the backlog to be taken in", every=0.5)
    return count


async def _memory_at_work(service: Service) -> float:
    """The most that the worker ever had, after it has written for a while, in MB."""
    await asyncio.sleep(_AT_WORK_SECONDS)
    (process,) = service.replicas.values()
    return most_memory(process.pid)


@asynccontextmanager
async def _state(service: Service, *, is_loaded: bool) -> AsyncIterator[None]:
    """Leave the backlog as it is, or put it to sleep for the block."""
    if is_loaded:
        yield
        return
    await ask(service.place, _SLEEP)
    await ask(service.place, "VACUUM metadata_sync.users")
    yield
    await ask(service.place, _WAKE)
    await ask(service.place, "VACUUM metadata_sync.users")


_SLEEP = """
    WITH asleep AS (
        UPDATE metadata_sync.users SET wake_at = NULL
        WHERE wake_at IS NOT NULL AND NOT waiting AND NOT state ? 'attempt'
    ) SELECT 1
"""
_WAKE = """
    WITH awake AS (
        UPDATE metadata_sync.users SET wake_at = clock_timestamp()
        WHERE wake_at IS NULL AND state ? 'changes'
    ) SELECT 1
"""


class _Crowd:
    """People who come at random, and how long each waited until told."""

    def __init__(self, service: Service, emulators: dict[str, Tenant]) -> None:
        self._service = service
        self._emulators = emulators
        self._rev = 0
        self._waiting: dict[tuple[str, str], tuple[Update, asyncio.Future[float]]] = {}

    def hear(self, tenant: str, transaction: str) -> None:
        """Somebody was told; their Action goes on."""
        if found := self._waiting.pop((tenant, transaction), None):
            update, answered = found
            answered.set_result(now())
            self._emulators[tenant].confirm_soon(update.user, rev=update.rev)

    async def come(self, tenants: Iterable[Kind], *, seconds: float, seed: int) -> dict[str, list[float]]:
        """Waits by tenant, from the moment at which each was to come."""
        waits: dict[str, list[float]] = defaultdict(list)
        async with asyncio.TaskGroup() as tasks:
            for number, one in enumerate(tenants):
                dice = random.Random(seed * 1000 + number)  # noqa: S311 - repeatable
                times = moments(rate=one.people, seconds=seconds, dice=dice)
                tasks.create_task(self._come_to(one.name, times, waits[one.name]))
        return waits

    async def _come_to(self, tenant: str, times: list[float], waits: list[float]) -> None:
        async def person(number: int, at: float) -> None:
            self._rev += 1
            update = Update(at=0, user=_PEOPLE_FROM + number % _PEOPLE, key=_KEY, rev=self._rev, waiting=True)
            answered: asyncio.Future[float] = asyncio.get_running_loop().create_future()
            self._waiting[tenant, f"tx-{update.user}-{update.rev}"] = (update, answered)
            await self._service.publish(tenant, [update])
            done, _ = await asyncio.wait({answered}, timeout=_ANSWERED_SECONDS)
            waits.append(answered.result() - at if done else _ANSWERED_SECONDS)

        await at_each(times, person, start=now())
