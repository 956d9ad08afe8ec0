"""Tells of logins that a command has ended: `waystation transactions cancel`, or `erase`.

A command has no log that anybody keeps, no metrics and no traces. In the transaction that ends the login it
leaves a row, and the gateway that takes the row tells: once, as of every other ending, unless the process
dies between its commit and its words.
"""

import asyncio
from dataclasses import dataclass

import structlog

from common.db import Database, DatabaseUnavailableError
from common.loops import repeat
from gateway import cancelled_store, store
from gateway.endings import tell_cancelled

SWEEP_SECONDS = 1.0
BATCH = 100

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, kw_only=True)
class CancelledLogins:
    """Looks for what is to be told; any number of replicas may."""

    database: Database
    all_tenants: Database

    async def run(self, stop: asyncio.Event) -> None:
        await repeat(self.sweep, stop, every=SWEEP_SECONDS, task="cancelled")

    async def sweep(self) -> None:
        """Tell of each that nobody has told of; however many cannot be read, those after them are reached."""
        last = ("", "")
        while untold := await self._untold(last):
            for tenant, transaction_id in untold:
                await self._try_to_tell(tenant, transaction_id)
            last = untold[-1]

    async def _untold(self, after: tuple[str, str]) -> list[tuple[str, str]]:
        async with self.all_tenants.connection() as connection:
            return await cancelled_store.untold(connection, after=after, limit=BATCH)

    async def _try_to_tell(self, tenant: str, transaction_id: str) -> None:
        try:
            await self._tell(tenant, transaction_id)
        except DatabaseUnavailableError:
            raise
        except Exception:
            # One login that cannot be read must not keep all the others waiting.
            log.exception("login.not_moved", transaction_id=transaction_id, tenant=tenant)

    async def _tell(self, tenant: str, transaction_id: str) -> None:
        async with self.database.transaction(tenant=tenant) as connection:
            cancelled = await cancelled_store.take(connection, tenant=tenant, transaction_id=transaction_id)
            login = await store.load(connection, transaction_id)
        if cancelled is not None and login is not None:
            tell_cancelled(login, was=cancelled.was, age=cancelled.age, ago=cancelled.ago)
