"""Poisson streams of people and of the customer's own code, with start times fixed in advance."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable

from tests.bench.metadata_sync.tenant import Tenant, now


def moments(*, rate: float, seconds: float, dice: random.Random) -> list[float]:
    """When something happens that happens `rate` times a second on average."""
    found, at = [], dice.expovariate(rate)
    while at < seconds:
        found.append(at)
        at += dice.expovariate(rate)
    return found


async def at_each(
    times: list[float], act: Callable[[int, float], Awaitable[object]], *, start: float
) -> None:
    """Begin the n-th act at its moment, whatever became of those before (an open loop)."""
    async with asyncio.TaskGroup() as tasks:
        for number, at in enumerate(times):
            await asyncio.sleep(max(0.0, start + at - now()))
            tasks.create_task(_as_task(act(number, start + at)))


async def _as_task(awaitable: Awaitable[object]) -> None:
    await awaitable


async def neighbour(tenant: Tenant, *, rate: float, seconds: float, seed: int) -> Counter[int]:
    """Somebody else's calls to a tenant; how many were answered how."""
    statuses: Counter[int] = Counter()
    times = moments(rate=rate, seconds=seconds, dice=random.Random(seed))  # noqa: S311 - repeatable

    async def call(_number: int, _at: float) -> None:
        statuses[await tenant.neighbour_calls(0)] += 1

    await at_each(times, call, start=now())
    return statuses
