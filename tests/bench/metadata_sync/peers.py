"""The others: what teams write metadata with otherwise, in an environment of their own."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.bench.metadata_sync.outcome import Outcome, Progress, judge
from tests.bench.metadata_sync.servers import Bench
from tests.bench.metadata_sync.tenant import Tenant, now, open_tenant
from tests.bench.metadata_sync.workload import Workload
from tests.support.processes import Process
from tests.support.run_folder import RunFolder
from tests.support.waiting import wait_until

_READY_SECONDS = 60.0
_QUIET_SECONDS = 12.0  # longer than any of them waits before it tries again
_LONGEST_SECONDS = 2400.0

_CELERY = ("-m", "celery", "-A", "tests.bench.peers.celery_app", "worker", "--pool", "prefork")
_CELERY_WORKER = (*_CELERY, "--concurrency", "4", "--without-gossip", "--without-mingle", "-l", "info")
_TASKIQ_WORKER = ("-m", "taskiq", "worker", "tests.bench.peers.taskiq_app:broker", "--workers", "1")


@dataclass(frozen=True, kw_only=True)
class Peer:
    """How a system is started: a program that gets the updates, and workers that say when they are ready."""

    name: str
    program: str
    worker: tuple[str, ...] = ()
    workers: int = 0
    worker_says: str = ""


PEERS = (
    Peer(name="auth0-python, one after the other", program="sequential"),
    Peer(name="auth0-python, gather, aiolimiter", program="gathered"),
    Peer(
        name="Celery rate_limit, 1 worker",
        program="celery_app",
        worker=_CELERY_WORKER,
        workers=1,
        worker_says=" ready.",
    ),
    Peer(
        name="Celery rate_limit, 2 workers",
        program="celery_app",
        worker=_CELERY_WORKER,
        workers=2,
        worker_says=" ready.",
    ),
    Peer(
        name="taskiq, tenacity",
        program="taskiq_app",
        worker=_TASKIQ_WORKER,
        workers=1,
        worker_says="Listening started",
    ),
)


async def run_peer(
    peer: Peer, bench: Bench, workload: Workload, *, python: Path, limit: int, rate: int
) -> Outcome:
    """One peer with its own tenant until it makes no calls any more; `rate` is what it is told to keep."""
    label = f"peer-{PEERS.index(peer)}"
    async with open_tenant(bench.folder, f"{label}-tenant") as tenant:
        await tenant.prepare(users=range(workload.users), burst=limit, per_second=limit)
        await tenant.answer_after()
        async with AsyncExitStack() as stack:
            started = await _start(peer, bench, tenant, workload, label=label, python=python, rate=rate)
            for process in started:
                # Some need ten seconds to stop, and meanwhile the others have to be heard.
                stack.push_async_callback(asyncio.to_thread, bench.folder.stop_one, process)
            return await _follow(peer, bench, tenant, workload, label=label, rate=rate)


async def _start(
    peer: Peer, bench: Bench, tenant: Tenant, workload: Workload, *, label: str, python: Path, rate: int
) -> list[Process]:
    files = {name: bench.folder.path / f"{label}.{name}" for name in ("workload", "go")}
    files["workload"].write_text(workload.lines())
    files["go"].unlink(missing_ok=True)
    env = {
        "API": f"{tenant.origin}/api/v2",
        "TOKEN": await tenant.token(),
        "RATE": str(rate),
        "WORKLOAD": str(files["workload"]),
        "GO": str(files["go"]),
        "BROKER": bench.broker_for_a_peer() if peer.worker else "",
    }
    started = []
    for number in range(peer.workers):
        name = ("-n", f"w{number}@bench") if "celery" in peer.worker else ()
        process = _launch(bench.folder, f"{label}-worker-{number}", (python, *peer.worker, *name), env=env)
        started.append(process)
        await _until_it_says(process, peer.worker_says)
    program = (python, "-m", f"tests.bench.peers.{peer.program}")
    started.append(_launch(bench.folder, f"{label}-program", program, env=env))
    await _until_it_says(started[-1], "peer is ready")
    return started


def _launch(folder: RunFolder, name: str, argv: tuple[str | Path, ...], *, env: Mapping[str, str]) -> Process:
    return folder.start(name, argv, env=env)


async def _until_it_says(process: Process, words: str) -> None:
    def says() -> bool:
        if not process.running():
            raise RuntimeError(f"{process.name} ended: {process.last_lines()}")
        return words in process.output.read_text(errors="replace")

    await wait_until(says, _READY_SECONDS, what=f"{process.name} to say {words!r}", every=0.1)


async def _follow(
    peer: Peer, bench: Bench, tenant: Tenant, workload: Workload, *, label: str, rate: int
) -> Outcome:
    start = now() + 0.5
    progress = Progress(workload=workload, tenant=tenant, start=start)
    async with tenant.watched(on_call=progress.hear):
        (bench.folder.path / f"{label}.go.new").write_text(str(start))
        (bench.folder.path / f"{label}.go.new").rename(bench.folder.path / f"{label}.go")
        await wait_until(lambda: progress.is_quiet(_QUIET_SECONDS), _LONGEST_SECONDS, what="the last call")
    return await judge(peer.name, progress, rate=rate, quiet=0)
