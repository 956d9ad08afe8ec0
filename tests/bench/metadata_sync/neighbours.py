"""A neighbour that takes half of the limit at random, alone and beside us."""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus

from tests.bench.metadata_sync.compare import LIMIT
from tests.bench.metadata_sync.crowd import neighbour
from tests.bench.metadata_sync.servers import Bench
from tests.bench.metadata_sync.service import Plan, open_service
from tests.bench.metadata_sync.tenant import open_tenant
from tests.bench.metadata_sync.workload import one_each

_LOAD_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Shared:
    """`more_refused`: by how many points of a hundred the neighbour's 429s rose; `used`: of what it left."""

    more_refused: float
    used: float
    our_refused: int


async def share_with_a_neighbour(bench: Bench, *, seconds: float, seed: int) -> Shared:
    """The same stream of its calls to two tenants at the same time: one has it alone, one has us too."""
    users = range(int(LIMIT * (seconds + _LOAD_SECONDS)))
    async with (
        open_tenant(bench.folder, "neighbour-alone") as alone,
        open_tenant(bench.folder, "neighbour-beside") as beside,
        bench.place("neighbour") as place,
        open_service(
            bench.folder,
            place,
            plans={"acme": Plan(tenant=beside, burst=LIMIT, per_second=LIMIT, quiet=1)},
        ) as service,
    ):
        await alone.prepare(users=[0], burst=LIMIT, per_second=LIMIT)
        await beside.prepare(users=users, burst=LIMIT, per_second=LIMIT)
        await alone.answer_after()
        await beside.answer_after()
        await service.start(1)
        await service.publish("acme", one_each(users=len(users), seconds=1).updates)
        await asyncio.sleep(_LOAD_SECONDS)
        await beside.forget_calls()
        async with beside.watched():
            by_itself, with_us = await asyncio.gather(
                *(neighbour(one, rate=LIMIT / 2, seconds=seconds, seed=seed) for one in (alone, beside))
            )
        ours = [call for call in beside.calls if call.is_the_systems]
        refused = sum(call.status == HTTPStatus.TOO_MANY_REQUESTS for call in ours)
        left = LIMIT * seconds - sum(with_us.values())
        return Shared(
            more_refused=100 * (_refused(with_us) - _refused(by_itself)),
            used=(len(ours) - refused) / left,
            our_refused=refused,
        )


def _refused(statuses: dict[int, int]) -> float:
    return statuses.get(HTTPStatus.TOO_MANY_REQUESTS, 0) / sum(statuses.values())
