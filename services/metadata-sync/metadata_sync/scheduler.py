"""Who is written next: people before the rest, and tenants in turn.

Within a class of a tenant whoever is due longest is next: that is all the ageing there is, so that nobody is
passed for ever and nobody gets among people by waiting. What the budget has at the moment is for a tenant's
people first, one by one; the background gets its tenth of the rate from it (bucket.py), whoever else waits.

The database is the queue, shared by all replicas; a message that arrives here only moves the alarm nearer,
and a look every second finds what others have left.
"""

import asyncio

import structlog

from common.clock import Clock
from common.db import Database, DatabaseUnavailableError
from common.metrics import TENANTS
from common.tenants import Tenant
from common.tenants_watcher import TenantsWatcher
from metadata_sync import metrics, store
from metadata_sync.alarm import Alarm
from metadata_sync.budgets import limit_of_tenant
from metadata_sync.leases import Leases
from metadata_sync.store import Pending
from metadata_sync.turns import Turns, weight
from metadata_sync.worker import Worker

POLL_SECONDS = 1.0
CONTENDED_SECONDS = 0.05
# How many writes of the background a turn begins in one transaction, for each that its tenant's weight gives.
AT_ONCE = 16
GATHER_SECONDS = 0.4

log = structlog.stdlib.get_logger()


class Scheduler:
    """Hands due users to the worker; in a round each tenant and class has a turn."""

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
        self._turns = Turns()
        self._not_before: dict[tuple[str, bool], float] = {}
        self._throttled_for: dict[tuple[str, bool], float] = {}

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
        known = [(first, tenant) for first in pending if (tenant := self._tenants.current.get(first.tenant))]
        self._turns.keep_only({tenant.key for _, tenant in known})
        slowest = min((_rate(tenant) for _, tenant in known), default=1.0)
        more_people: set[str] = set()
        for first, tenant in sorted(known, key=self._place):
            wait = max(first.seconds, self._held_back(first))
            if wait > 0:
                self._alarm.expect(wait)
            elif tenant.key not in more_people:
                times = weight(_rate(tenant), slowest=slowest)
                if await self._serve(first, tenant, times=times) and first.waiting:
                    more_people.add(tenant.key)

    def _place(self, pending: tuple[Pending, Tenant]) -> tuple[bool, int]:
        first, _ = pending
        return not first.waiting, self._turns.last(first.tenant)

    def _held_back(self, first: Pending) -> float:
        until = self._not_before.get((first.tenant, first.waiting), 0)
        return until - self._clock.monotonic()

    async def _serve(self, first: Pending, tenant: Tenant, *, times: int) -> bool:
        """A turn of this tenant and class; whether the next may follow at once."""
        self._turns.take(tenant.key)
        self._count_throttled(first)
        if first.waiting:
            for _ in range(times):
                if not await self._start(first, tenant, at_most=1):
                    return False
        elif not await self._start(first, tenant, at_most=times * AT_ONCE):
            return False
        self._alarm.expect(0)
        return True

    async def _start(self, first: Pending, tenant: Tenant, *, at_most: int) -> bool:
        """Begin to write so many users of this class, as far as there is room; whether more may follow."""
        at_most = min(at_most, self._worker.room(tenant.key, waiting=first.waiting))
        if at_most < 1:
            return False
        taken = await self._leases.take_due(tenant, waiting=first.waiting, at_most=at_most)
        for lease in taken.leases:
            self._worker.start(lease)
        if taken.wait is None:
            self._hold_back(first, seconds=CONTENDED_SECONDS)
        elif taken.wait > 0:
            # To ask before that would cost the database as much as a write.
            gathers = not first.waiting and taken.leases and not taken.leases[-1].is_shared
            gathered = _gather_seconds(tenant) if gathers else 0.0
            self._throttle(first, seconds=max(taken.wait, gathered))
        return taken.wait == 0

    def _throttle(self, first: Pending, *, seconds: float) -> None:
        # Another replica, or a probe, may end the reason sooner than it said.
        seconds = min(seconds, POLL_SECONDS)
        self._throttled_for[(first.tenant, first.waiting)] = seconds
        self._hold_back(first, seconds=seconds)

    def _count_throttled(self, first: Pending) -> None:
        """Of the time for which this class was throttled, that in which somebody was due."""
        seconds = min(self._throttled_for.pop((first.tenant, first.waiting), 0.0), -first.seconds)
        tenant = TENANTS.of(first.tenant)
        metrics.THROTTLE_WAIT.labels(tenant, metrics.label(waiting=first.waiting)).inc(seconds)

    def _hold_back(self, first: Pending, *, seconds: float) -> None:
        self._not_before[(first.tenant, first.waiting)] = self._clock.monotonic() + seconds
        self._alarm.expect(seconds)


def _gather_seconds(tenant: Tenant) -> float:
    """For how long the background lets its share of the budget gather: what it allows then is begun at once.

    A fraction of what it may gather, so that nothing of it is lost. Beside others, who take from the limit
    while it gathers, it does not: what they leave is known for a moment only.
    """
    rules = limit_of_tenant(tenant).rules
    fills = min((rule.our_burst - rule.kept_for_people) / rule.our_rate for rule in rules)
    return min(GATHER_SECONDS, fills / 2)


def _rate(tenant: Tenant) -> float:
    """Writes a second that the tenant's plan sustains."""
    buckets = tenant.management.rate_profile.buckets
    return min(bucket.sustained / bucket.period.total_seconds() for bucket in buckets)
