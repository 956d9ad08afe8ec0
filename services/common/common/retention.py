"""Deletes what a tenant's retention says, in small batches, by one replica at a time.

A service brings rules; each deletes at most `BATCH` rows in a transaction of its own and tells how many. Rows
that somebody works on are passed over and found again at the next look.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

import structlog

from common.clock import Clock
from common.db import Connection, Database, DatabaseUnavailableError
from common.log import bound
from common.loops import pause
from common.tenants import Tenant
from common.tenants_watcher import TenantsWatcher

BATCH = 500
EVERY_SECONDS = 3600.0

# Deletes up to `BATCH` rows of the tenant that are kept no longer; how many those were.
Rule: TypeAlias = Callable[[Connection, Tenant], Awaitable[int]]

log = structlog.stdlib.get_logger()


class RetentionJob:
    """One per process; `rules` by what they delete."""

    def __init__(
        self, *, database: Database, tenants: TenantsWatcher, rules: Mapping[str, Rule], clock: Clock
    ) -> None:
        self._database = database
        self._tenants = tenants
        self._rules = rules
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Once at the start, and then every hour, until `stop` is set."""
        due = self._clock.monotonic()
        while not stop.is_set():
            if self._clock.monotonic() >= due:
                due = self._clock.monotonic() + EVERY_SECONDS
                await self._enforce_or_log(stop)
            await pause(stop, seconds=max(1.0, due - self._clock.monotonic()))

    async def enforce(self, stop: asyncio.Event | None = None) -> None:
        """Delete for every tenant what is kept no longer; nothing while another replica is at it.

        Once `stop` is set, no other batch is begun.
        """
        for tenant in self._tenants.current:
            removed: Counter[str] = Counter()
            for name, rule in self._rules.items():
                removed[name] += await self._all(tenant, rule, stop=stop)
            if removed.total():
                with bound(tenant=tenant.key):
                    log.info("retention.enforced", removed=dict(+removed))

    async def _enforce_or_log(self, stop: asyncio.Event) -> None:
        try:
            await self.enforce(stop)
        except DatabaseUnavailableError:
            log.warning("database.unavailable", task="retention")

    async def _all(self, tenant: Tenant, rule: Rule, *, stop: asyncio.Event | None) -> int:
        removed = 0
        while stop is None or not stop.is_set():
            async with self._database.transaction(tenant=tenant.key) as connection:
                count = await rule(connection, tenant) if await _is_alone(connection) else 0
            removed += count
            if count < BATCH:
                break
        return removed


async def _is_alone(connection: Connection) -> bool:
    """Whether no other replica of this service deletes now; until this transaction ends none will."""
    alone: bool = await connection.fetchval(
        "SELECT pg_try_advisory_xact_lock(hashtextextended('waystation retention ' || current_schema(), 0))"
    )
    return alone
