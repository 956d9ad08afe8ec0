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
    """Take what a call costs that writes nothing of a user's row; the budget's `charged` is its number."""
    budget = await lock_budget(connection, tenant=tenant, now=now)
    charged = charge(budget, cost, limit=limit_of_tenant(tenant), now=now)
    if isinstance(charged, Budget):
        await store.save_budget(connection, charged, domain=tenant.management.domain)
    else:
        await note_denied(connection, budget, charged, cost=cost, tenant=tenant, now=now)
    return charged


async def note_denied(
    connection: Connection, budget: Budget, denied: Denied, *, cost: Charge, tenant: Tenant, now: float
) -> None:
    """Where a person was denied, the background steps back."""
    if cost.waiting:
        after = wanted(budget, denied, now=now)
        await store.save_budget(connection, after, domain=tenant.management.domain)


async def end_call(connection: Connection, end: End, *, tenant: Tenant, number: int, now: float) -> None:
    """Learn from how the call ended that was charged as `number`."""
    before = await lock_budget(connection, tenant=tenant, now=now)
    after = after_call(before, end, tenant=tenant, number=number, now=now)
    await store.save_budget(connection, after, domain=tenant.management.domain)


def after_call(before: Budget, end: End, *, tenant: Tenant, number: int, now: float) -> Budget:
    """The budget that has learned from how the call ended that was charged as `number`."""
    after = budget_after(end, before, number=number, limit=limit_of_tenant(tenant), now=now)
    _log_pause(before, after, now=now)
    return after


async def forget_call(connection: Connection, *, tenant: Tenant, now: float) -> None:
    """Nobody will tell how a call ended."""
    budget = await lock_budget(connection, tenant=tenant, now=now)
    await store.save_budget(connection, ended(budget), domain=tenant.management.domain)


async def lock_budget(
    connection: Connection, *, tenant: Tenant, now: float, held: Budget | None = None
) -> Budget:
    """The domain's budget, ours until the transaction ends; `held`: it is already, and reads so."""
    limit = limit_of_tenant(tenant)
    if held is None:
        fresh = fresh_budget(limit, now=now)
        held = await store.lock_budget(connection, domain=tenant.management.domain, fresh=fresh)
    return fitting(held, limit=limit, now=now)


def limit_of_tenant(tenant: Tenant) -> Limit:
    """The limit of the Management domain that the tenant writes to."""
    buckets = (
        (b.burst, b.sustained / b.period.total_seconds()) for b in tenant.management.rate_profile.buckets
    )
    return limit_of(*buckets, reserve=tenant.management.reserve)


def _log_pause(before: Budget, after: Budget, *, now: float) -> None:
    if after.pause and after.pause != before.pause:
        seconds = round(after.pause.until - now, 1)
        log.warning("tenant.paused", reason=after.pause.reason, seconds=seconds)
    elif before.pause and not after.pause:
        log.info("tenant.resumed", reason=before.pause.reason)
