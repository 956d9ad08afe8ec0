"""The budget of a tenant's Management domain, charged and corrected in the transaction of whoever sends.

Who needs a user's row too has locked it before.
"""

import structlog

from common.db import Connection
from common.tenants import Tenant
from metadata_sync import store
from metadata_sync.ends import End, budget_after
from metadata_sync.limiter import (
    Budget,
    Charge,
    Denied,
    Limit,
    charge,
    ended,
    fitting,
    fresh_budget,
    limit_of,
    wanted,
)

log = structlog.stdlib.get_logger()


async def charge_call(connection: Connection, cost: Charge, *, tenant: Tenant, now: float) -> Budget | Denied:
    """Take what a call costs; the budget's `charged` is the call's number."""
    budget = await _lock(connection, tenant, now=now)
    charged = charge(budget, cost, limit=limit_of_tenant(tenant), now=now)
    if isinstance(charged, Budget):
        await store.save_budget(connection, charged, domain=tenant.management.domain)
    elif cost.waiting:
        domain = tenant.management.domain
        await store.save_budget(connection, wanted(budget, charged, now=now), domain=domain)
    return charged


async def end_call(connection: Connection, end: End, *, tenant: Tenant, number: int, now: float) -> None:
    """Learn from how the call ended that was charged as `number`."""
    before = await _lock(connection, tenant, now=now)
    after = budget_after(end, before, number=number, limit=limit_of_tenant(tenant), now=now)
    await store.save_budget(connection, after, domain=tenant.management.domain)
    _log_pause(before, after, now=now)


async def forget_call(connection: Connection, *, tenant: Tenant, now: float) -> None:
    """Nobody will tell how a call ended."""
    budget = await _lock(connection, tenant, now=now)
    await store.save_budget(connection, ended(budget), domain=tenant.management.domain)


def limit_of_tenant(tenant: Tenant) -> Limit:
    """The limit of the Management domain that the tenant writes to."""
    buckets = (
        (b.burst, b.sustained / b.period.total_seconds()) for b in tenant.management.rate_profile.buckets
    )
    return limit_of(*buckets, reserve=tenant.management.reserve)


async def _lock(connection: Connection, tenant: Tenant, *, now: float) -> Budget:
    limit = limit_of_tenant(tenant)
    fresh = fresh_budget(limit, now=now)
    budget = await store.lock_budget(connection, domain=tenant.management.domain, fresh=fresh)
    return fitting(budget, limit=limit, now=now)


def _log_pause(before: Budget, after: Budget, *, now: float) -> None:
    if after.pause and after.pause != before.pause:
        seconds = round(after.pause.until - now, 1)
        log.warning("tenant.paused", reason=after.pause.reason, seconds=seconds)
    elif before.pause and not after.pause:
        log.info("tenant.resumed", reason=before.pause.reason)
