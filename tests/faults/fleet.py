"""A stack of several replicas behind balancers, replaced one after the other as an orchestrator does it."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Final

from tests.support.balancer import Backend, Balancer
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.stack import SERVICES, Stack
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

_READY_SECONDS = 60.0
_GRACE_SECONDS = 60.0  # terminationGracePeriodSeconds of deploy/kubernetes
# Which address of a service balancers lead to, by the variable that says where a replica listens.
_DOORS: Final = {"gateway": "LISTEN", "metadata-sync": "INTERNAL_LISTEN"}


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a replica is told to go.

    Attributes:
        pre_stop: seconds from its deletion to SIGTERM.
        unlisted_after: seconds from its deletion until balancers know of it; None where they learn of it from
            `/readyz` alone.
        drain: its DRAIN_SECONDS.
    """

    pre_stop: float
    unlisted_after: float | None
    drain: float


# Kubelet and balancers hear of a deletion at the same time and do not wait for each other.
LIKE_KUBERNETES: Final = Manner(pre_stop=1, unlisted_after=0.3, drain=0.5)
BY_READINESS: Final = Manner(pre_stop=0, unlisted_after=None, drain=2.5)


@dataclass(frozen=True, kw_only=True)
class Replica:
    """One process of a service."""

    service: str
    process: Process
    backend: Backend


class Fleet:
    """The replicas of each service, and how each of those that went has ended.

    Attributes:
        code: the folder `services` of another release, for replicas added from now on; None for ours.
    """

    def __init__(self, stack: Stack, *, manners: Mapping[str, Manner]) -> None:
        self.stack = stack
        self._manners = manners
        self.replicas: dict[str, list[Replica]] = {service: [] for service in SERVICES}
        self.balancers = {service: Balancer() for service in SERVICES}
        self.exit_codes: list[int | None] = []
        self.outputs: list[Path] = []
        self.code: Path | None = None
        self._numbers = count(1)

    @asynccontextmanager
    async def running(self, *, each: int) -> AsyncIterator[None]:
        """So many replicas of each service while the block runs."""
        origins = {"gateway": self.stack.origins.gateway, "metadata-sync": self.stack.internal}
        async with AsyncExitStack() as exits:
            for service, balancer in self.balancers.items():
                address = _address(origins[service]) if service in origins else ("127.0.0.1", free_port())
                await exits.enter_async_context(balancer.listening(*address))
            self.stack.start_tenant()
            self.stack.start_app()
            self.stack.start_mail()
            async with asyncio.TaskGroup() as tasks:
                for service in SERVICES * each:
                    tasks.create_task(self.add(service))
                tasks.create_task(asyncio.to_thread(self.stack.await_ready))
            try:
                yield
            finally:
                for replica in (one for replicas in self.replicas.values() for one in replicas):
                    await asyncio.to_thread(replica.process.kill)

    async def add(self, service: str) -> None:
        """One more replica, once it is ready."""
        replica = self._start(service)
        self.balancers[service].follow(replica.backend)
        await wait_until(replica.backend.is_ready.is_set, _READY_SECONDS, what=f"{replica.process.name}")
        self.replicas[service].append(replica)

    async def replace_all(self, service: str) -> None:
        """Each replica: a new one is ready before it is told to go."""
        for _ in range(len(self.replicas[service])):
            await self.add(service)
            await self._end(self.replicas[service].pop(0))

    async def _end(self, replica: Replica) -> None:
        manner = self._manners[replica.service]
        async with asyncio.TaskGroup() as tasks:
            if manner.unlisted_after is not None:
                tasks.create_task(_unlist(replica.backend, after=manner.unlisted_after))
            await asyncio.sleep(manner.pre_stop)
            replica.process.send(signal.SIGTERM)
            await wait_until(
                lambda: not replica.process.running(),
                _GRACE_SECONDS,
                what=f"{replica.process.name} to end",
            )
        self.balancers[replica.service].forget(replica.backend)
        self.exit_codes.append(replica.process.exit_code)

    def _start(self, service: str) -> Replica:
        host = _address(self.stack.origins.gateway)[0]
        serves = (host, free_port(host))
        admin = f"127.0.0.1:{free_port()}"
        own = {"ADMIN_LISTEN": admin, "DRAIN_SECONDS": f"{self._manners[service].drain:g}"}
        interpreter = [sys.executable]
        if self.code is not None:
            own["PYTHONPATH"] = ":".join(str(folder) for folder in sorted(self.code.iterdir()))
            interpreter.append(
                "-B"
            )  # begun otherwise than ours, its lines are not held against our catalogue
        if service in _DOORS:
            own[_DOORS[service]] = f"{serves[0]}:{serves[1]}"
        process = self.stack.folder.start(
            f"{service}-{next(self._numbers)}",
            [*interpreter, "-m", service.replace("-", "_")],
            env=self.stack.service_environment(service) | own,
        )
        self.outputs.append(process.output)
        backend = Backend(serves=serves, admin=f"http://{admin}")
        return Replica(service=service, process=process, backend=backend)


async def _unlist(backend: Backend, *, after: float) -> None:
    await asyncio.sleep(after)
    backend.is_deleted = True


def _address(origin: str) -> tuple[str, int]:
    host, _, port = origin.removeprefix("http://").partition(":")
    return host, int(port)
