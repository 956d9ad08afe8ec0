"""Metrics that stand in the database and in the worker, looked up when somebody scrapes."""

from collections import defaultdict
from collections.abc import Iterable

import structlog

from common.clock import Clock
from common.db import Database, DatabaseUnavailableError
from common.metrics import MOST_TENANTS, TENANTS
from common.tenants_watcher import TenantsWatcher
from metadata_sync import metrics, store
from metadata_sync.budgets import limit_of_tenant
from metadata_sync.limiter import Budget, Limit, PauseReason, fitting, pause_at, remaining
from metadata_sync.store import Backlog
from metadata_sync.worker import Worker

# Of many who scrape, one asks the database; it counts in an index, so many of each tenant and class at most.
KEPT_SECONDS = 5.0
COUNT_AT_MOST = 100_000

log = structlog.stdlib.get_logger()


class Gauges:
    """Brings the gauges of metrics.py up to date."""

    def __init__(self, *, database: Database, tenants: TenantsWatcher, worker: Worker, clock: Clock) -> None:
        self._database = database
        self._tenants = tenants
        self._worker = worker
        self._clock = clock
        self._stale_at = 0.0

    async def refresh(self) -> None:
        """Look everything up; what the database does not tell is left out rather than told from memory."""
        _show_work(self._worker.running_for())
        if self._clock.monotonic() < self._stale_at:
            return
        self._stale_at = self._clock.monotonic() + KEPT_SECONDS
        for gauge in (metrics.DEPTH, metrics.OLDEST_DUE, metrics.BUDGET_REMAINING, metrics.PAUSED):
            gauge.clear()
        try:
            await self._look_up()
        except DatabaseUnavailableError:
            log.warning("database.unavailable", task="metrics")

    async def _look_up(self) -> None:
        tenants = list(self._tenants.current)
        limits = {tenant.management.domain: limit_of_tenant(tenant) for tenant in tenants}
        keys = [tenant.key for tenant in tenants]
        async with self._database.connection() as connection:
            backlogs = await store.backlogs(connection, tenants=keys, at_most=COUNT_AT_MOST)
            budgets, now = await store.read_budgets(connection, domains=list(limits))
        _show_backlogs(backlogs)
        for domain, budget in sorted(budgets.items())[:MOST_TENANTS]:
            _show_budget(domain, budget, limit=limits[domain], now=now)


def _show_work(running_for: list[float]) -> None:
    metrics.IN_FLIGHT.set(len(running_for))
    metrics.UNFINISHED.set(sum(running_for))
    metrics.LONGEST_RUNNING.set(max(running_for, default=0.0))


def _show_backlogs(backlogs: Iterable[Backlog]) -> None:
    """Those of tenants that are told as one: all their users, and the longest due of them."""
    users: defaultdict[tuple[str, str], int] = defaultdict(int)
    overdue: defaultdict[tuple[str, str], float] = defaultdict(float)
    for backlog in backlogs:
        labels = (TENANTS.of(backlog.tenant), metrics.label(waiting=backlog.waiting))
        users[labels] += backlog.users
        overdue[labels] = max(overdue[labels], backlog.overdue)
    for labels, count in users.items():
        metrics.DEPTH.labels(*labels).set(count)
        metrics.OLDEST_DUE.labels(*labels).set(overdue[labels])


def _show_budget(domain: str, budget: Budget, *, limit: Limit, now: float) -> None:
    budget = fitting(budget, limit=limit, now=now)
    metrics.BUDGET_REMAINING.labels(domain).set(remaining(budget, limit=limit, now=now))
    for reason in PauseReason:
        metrics.PAUSED.labels(domain, reason).set(pause_at(budget, now=now) is reason)
