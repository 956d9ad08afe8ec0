"""Who is written next: people before the rest, and tenants in turn.

The database is the queue, shared by all replicas; a message that arrives here only moves the alarm nearer,
and a look every second finds what others have left.
"""

import asyncio
from collections.abc import Iterable

import structlog

from common.clock import Clock
from common.db import Database, DatabaseUnavailableError
from common.tenants_watcher import TenantsWatcher
from metadata_sync import store
from metadata_sync.alarm import Alarm
from metadata_sync.leases import Lease, Leases
from metadata_sync.limiter import Denied
from metadata_sync.store import Pending
from metadata_sync.worker import Worker

POLL_SECONDS = 1.0
CONTENDED_SECONDS = 0.05

log = structlog.stdlib.get_logger()


class Scheduler:
    """Hands due users to the worker, one of each tenant and class in a round."""

    def __init__(
        self,
        *,
        database: Database,
        tenants: TenantsWatcher,
        leases: Leases,
        worker: Worker,
        alarm: Alarm,
        clock: Clock,
    ) -> None:
        self._database = database
        self._tenants = tenants
        self._leases = leases
        self._worker = worker
        self._alarm = alarm
        self._clock = clock
        self._round = 0
        self._served_in: dict[str, int] = {}
        self._not_before: dict[tuple[str, bool], float] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Schedule until `stop` is set."""
        while not stop.is_set():
            self._alarm.forget()
            self._alarm.expect(POLL_SECONDS)
            try:
                await self._serve_round()
            except DatabaseUnavailableError:
                log.warning("database.unavailable", task="scheduler")
            await self._alarm.wait()

    async def _serve_round(self) -> None:
        async with self._database.connection() as connection:
            pending = await store.first_pending(connection)
        self._round += 1
        for first in self._in_turn(pending):
            wait = max(first.seconds, self._held_back(first))
            if wait > 0:
                self._alarm.expect(wait)
            elif self._worker.has_room:
                await self._serve(first)

    def _in_turn(self, pending: Iterable[Pending]) -> list[Pending]:
        """Known tenants only; people first, then whoever was served longest ago."""
        known = [first for first in pending if self._tenants.current.get(first.tenant)]
        return sorted(known, key=lambda first: (not first.waiting, self._served_in.get(first.tenant, 0)))

    def _held_back(self, first: Pending) -> float:
        until = self._not_before.get((first.tenant, first.waiting), 0)
        return until - self._clock.monotonic()

    async def _serve(self, first: Pending) -> None:
        tenant = self._tenants.current.get(first.tenant)
        if tenant is None:
            return
        taken = await self._leases.take_next(tenant)
        match taken:
            case Lease():
                self._served_in[first.tenant] = self._round
                self._worker.start(taken)
                self._alarm.expect(0)
            case Denied():
                self._hold_back(first, seconds=taken.seconds)
            case None:
                self._hold_back(first, seconds=CONTENDED_SECONDS)

    def _hold_back(self, first: Pending, *, seconds: float) -> None:
        # Another replica, or a probe, may end the reason sooner than it said.
        seconds = min(seconds, POLL_SECONDS)
        self._not_before[(first.tenant, first.waiting)] = self._clock.monotonic() + seconds
        self._alarm.expect(seconds)
