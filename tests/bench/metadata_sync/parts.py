"""The parts of the bench, and how large each is at which scale."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bench.cpu import Others
from tests.bench.metadata_sync.backlog import kinds, people_behind_a_backlog
from tests.bench.metadata_sync.chart import draw
from tests.bench.metadata_sync.compare import ideal_outcome, our_outcome, their_outcomes
from tests.bench.metadata_sync.cost import costs
from tests.bench.metadata_sync.faults import answered_late, under_fire
from tests.bench.metadata_sync.findings import Findings
from tests.bench.metadata_sync.neighbours import share_with_a_neighbour
from tests.bench.metadata_sync.outcome import Outcome
from tests.bench.metadata_sync.servers import Bench
from tests.bench.metadata_sync.workload import Workload, scattered
from tests.support.run_folder import ROOT

_PEOPLE = 0.02
_PER_USER = 10
_CHART = "metadata-sync-backlog.svg"


@dataclass(frozen=True, kw_only=True)
class Scale:
    """`updates` arrive at `arrivals` a second; the others say how long or how large a part is."""

    updates: int
    arrivals: float
    fire_updates: int
    fire_arrivals: float
    neighbour_seconds: float
    backlog: int
    backlog_turns: int
    backlog_seconds: float
    slow_tenants: int
    cost_turns: int
    cost_updates: int
    chart: Path | None


SCALES: Mapping[str, Scale] = {
    "small": Scale(
        updates=2_000,
        arrivals=1_000,
        fire_updates=1_000,
        fire_arrivals=60,
        neighbour_seconds=30,
        backlog=5_000,
        backlog_turns=2,
        backlog_seconds=10,
        slow_tenants=1,
        cost_turns=3,
        cost_updates=3_000,
        chart=None,
    ),
    "medium": Scale(
        updates=5_000,
        arrivals=1_000,
        fire_updates=2_000,
        fire_arrivals=60,
        neighbour_seconds=120,
        backlog=30_000,
        backlog_turns=4,
        backlog_seconds=15,
        slow_tenants=2,
        cost_turns=5,
        cost_updates=5_000,
        chart=ROOT / "docs" / "images" / _CHART,
    ),
    "full": Scale(
        updates=20_000,
        arrivals=2_000,
        fire_updates=4_000,
        fire_arrivals=60,
        neighbour_seconds=300,
        backlog=100_000,
        backlog_turns=5,
        backlog_seconds=24,
        slow_tenants=4,
        cost_turns=5,
        cost_updates=20_000,
        chart=ROOT / "docs" / "images" / _CHART,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Run:
    """Where the parts run, how large, and who is told of progress; `python` has the others installed."""

    bench: Bench
    scale: Scale
    seed: int
    python: Path
    say: Callable[[str], None]


async def _ours(run: Run, findings: Findings) -> None:
    """Without the others, which need a quarter of an hour at full scale."""
    workload = _workload(run)
    findings.compare([], ideal=ideal_outcome(workload), ours=await _our_outcomes(run, workload, findings))


async def _compare(run: Run, findings: Findings) -> None:
    """Alone, since it depends on the clock; then the others, of which none needs much of a core."""
    workload = _workload(run)
    ideal, ours = ideal_outcome(workload), await _our_outcomes(run, workload, findings)
    run.say("the same through the others")
    theirs = await their_outcomes(run.bench, workload, python=run.python, say=run.say)
    findings.compare(theirs, ideal=ideal, ours=ours)
    chart = run.scale.chart or run.bench.folder.path / _CHART
    title = f"{run.scale.updates} updates of {workload.users} users, 50 calls a second allowed"
    draw([ideal, *ours, *theirs], users=workload.users, title=title, to=chart)
    findings.notes.append(f"the backlog draining: {chart}")


def _workload(run: Run) -> Workload:
    return scattered(
        updates=run.scale.updates,
        users=run.scale.updates // _PER_USER,
        seconds=run.scale.updates / run.scale.arrivals,
        people=_PEOPLE,
        seed=run.seed,
    )


async def _our_outcomes(run: Run, workload: Workload, findings: Findings) -> list[Outcome]:
    found, others = [], Others()
    for replicas in (1, 3):
        run.say(f"{run.scale.updates} updates through {replicas} of metadata-sync")
        found.append(await our_outcome(run.bench, workload, replicas=replicas))
    findings.others = others.cores()
    findings.notes.append(f"metadata-sync: others used {findings.others:.2f} cores meanwhile")
    return found


async def _faults(run: Run, findings: Findings) -> None:
    run.say("replicas killed every second; answers that come too late")
    updates = run.scale.fire_updates
    workload = scattered(
        updates=updates,
        users=updates // _PER_USER * 2,
        seconds=updates / run.scale.fire_arrivals,
        people=_PEOPLE,
        seed=run.seed,
    )
    others = Others()
    fire, late = await asyncio.gather(under_fire(run.bench, workload), answered_late(run.bench, workload))
    findings.others = others.cores()
    findings.settled("killed every second", fire, within=None)
    findings.settled("answered late", late, within=60)


async def _neighbour(run: Run, findings: Findings) -> None:
    run.say("a neighbour takes half of the limit")
    seconds = run.scale.neighbour_seconds
    others = Others()
    shared = await share_with_a_neighbour(run.bench, seconds=seconds, seed=run.seed)
    findings.others = others.cores()
    findings.shared(shared)


async def _backlog(run: Run, findings: Findings) -> None:
    scale = run.scale
    run.say(f"people behind a backlog of {scale.backlog} users")
    tenants = kinds(backlog=scale.backlog, slow_tenants=scale.slow_tenants)
    found = await people_behind_a_backlog(
        run.bench, tenants, turns=scale.backlog_turns, seconds=scale.backlog_seconds, seed=run.seed
    )
    findings.behind(found, tenants)


async def _cost(run: Run, findings: Findings) -> None:
    run.say("CPU of a background update")
    scale = run.scale
    turns = await costs(
        run.bench,
        turns=scale.cost_turns,
        updates=scale.cost_updates,
        users=scale.cost_updates // _PER_USER,
        seed=run.seed,
    )
    findings.cost(turns)


PARTS: Mapping[str, Callable[[Run, Findings], Awaitable[None]]] = {
    "ours": _ours,
    "compare": _compare,
    "neighbour": _neighbour,
    "backlog": _backlog,
    "cost": _cost,
    "faults": _faults,
}
# Each measures something else: `ours` is the first half of `compare`.
ALL = tuple(name for name in PARTS if name != "ours")
