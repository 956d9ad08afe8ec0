"""The same workload through this service, through the others, and through a program that knows everything."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench.metadata_sync.ideal import Rules, ideal_of
from tests.bench.metadata_sync.outcome import Outcome, Progress, judge
from tests.bench.metadata_sync.peers import PEERS, Peer, run_peer
from tests.bench.metadata_sync.servers import Bench
from tests.bench.metadata_sync.service import MAX_WAIT, QUIET, RESERVE, Plan, open_service
from tests.bench.metadata_sync.tenant import ANSWER_SECONDS, now, open_tenant
from tests.bench.metadata_sync.workload import Workload
from tests.support.waiting import wait_until

LIMIT = 50
RATE = round(LIMIT * (1 - RESERVE))
_LONGEST_SECONDS = 900.0
_MORE_SECONDS = 3.0  # for calls that should not come


def ideal_outcome(workload: Workload) -> Outcome:
    """Its waits end when the tenant has answered."""
    ideal = ideal_of(workload, Rules(rate=RATE, burst=RATE, quiet=QUIET, max_wait=MAX_WAIT))
    return Outcome(
        name="ideal, computed",
        calls=ideal.calls,
        refused=0,
        share=1.0,
        seconds=ideal.seconds,
        right=len(workload.revs()),
        wrong=0,
        waits=tuple(wait + ANSWER_SECONDS for wait in ideal.waits),
        curve=tuple(ideal.curve[::25]),
    )


async def our_outcome(bench: Bench, workload: Workload, *, replicas: int) -> Outcome:
    """This service with so many replicas, until every user is right and nothing more comes."""
    label = f"ours-{replicas}"
    async with (
        open_tenant(bench.folder, f"{label}-tenant") as tenant,
        bench.place(label) as place,
        open_service(
            bench.folder, place, plans={"acme": Plan(tenant=tenant, burst=LIMIT, per_second=LIMIT)}
        ) as service,
    ):
        await tenant.prepare(users=range(workload.users), burst=LIMIT, per_second=LIMIT)
        await tenant.answer_after()
        await service.start(replicas)
        start = now() + 0.5
        progress = Progress(workload=workload, tenant=tenant, start=start)
        async with tenant.watched(on_call=progress.hear):
            await service.offer("acme", workload, start=start)
            await wait_until(
                lambda: progress.is_done, _LONGEST_SECONDS, what="every user to be right", every=0.1
            )
            await asyncio.sleep(_MORE_SECONDS)
        name = f"metadata-sync, {replicas} replica{'s' if replicas > 1 else ''}"
        return await judge(name, progress, rate=RATE, quiet=QUIET)


async def their_outcomes(
    bench: Bench, workload: Workload, *, python: Path, say: Callable[[str], None]
) -> Sequence[Outcome]:
    """All of them at the same time, each with its own tenant: none needs more than a part of a core."""

    async def run(peer: Peer) -> Outcome:
        outcome = await run_peer(peer, bench, workload, python=python, limit=LIMIT, rate=RATE)
        say(f"{peer.name}: {outcome.seconds:.0f} s")
        return outcome

    return await asyncio.gather(*map(run, PEERS))
