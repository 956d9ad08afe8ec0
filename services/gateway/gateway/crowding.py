"""Keeps the number of open logins within bounds: where there are too many, the oldest give way."""

import asyncio
from dataclasses import dataclass

import structlog

from common.db import Connection, Database
from common.log import bound
from common.loops import repeat
from common.tracing import NOBODY, Span
from gateway import personal_store, store
from gateway.errors import ConflictError, TransitionError
from gateway.limits_settings import LimitSettings
from gateway.login import Login
from gateway.logins import Logins, name_in_log
from gateway.metrics import DISPLACED
from gateway.store import Surplus
from gateway.transaction import Transaction

SWEEP_SECONDS = 5.0
BATCH = 500

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, kw_only=True)
class Crowding:
    """Looks for tenants and people with too many open logins; any number of replicas may.

    Not asked at each arrival: how many more there may be until the next look, the limits per user and per
    tenant decide.
    """

    all_tenants: Database
    logins: Logins
    limits: LimitSettings

    async def run(self, stop: asyncio.Event) -> None:
        await repeat(self.sweep, stop, every=SWEEP_SECONDS, task="crowding")

    async def sweep(self) -> None:
        """End what is too much now."""
        async with self.all_tenants.connection() as connection:
            surplus = await store.surplus(
                connection,
                per_user=self.limits.open_per_user,
                per_tenant=self.limits.open_per_tenant,
                limit=BATCH,
            )
        for one in surplus:
            await self._end(one)

    async def _end(self, one: Surplus) -> None:
        async def give_way(connection: Connection, login: Login) -> Transaction:
            name_in_log(login)
            await personal_store.forget_personal(connection, login.id)
            return login.transaction.give_way()

        try:
            with bound(), Span("crowding", parent=NOBODY):
                await self.logins.change(one.transaction_id, give_way, tenant=one.tenant)
                DISPLACED.labels(one.limit).inc()
                log.warning(
                    "login.displaced", transaction_id=one.transaction_id, tenant=one.tenant, limit=one.limit
                )
        except (ConflictError, TransitionError):
            return  # it has moved meanwhile: the next look decides again
