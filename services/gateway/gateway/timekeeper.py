"""What time alone makes of a login: a verdict that is late, metadata that is late, the deadline."""

import asyncio

import structlog

from common.db import Connection, Database, DatabaseUnavailableError
from common.log import bound
from common.loops import repeat
from common.tracing import NOBODY, Span
from gateway import personal_store, store
from gateway.errors import ConflictError
from gateway.login import Login
from gateway.logins import Logins, name_in_log
from gateway.planner import Planner
from gateway.steps.idproof import rules as idproof
from gateway.transaction import MetadataOutcome, Transaction, WaitingFor

SWEEP_SECONDS = 1.0
BATCH = 100

log = structlog.stdlib.get_logger()


class Timekeeper:
    """Looks for logins whose time has come; any number of replicas may."""

    def __init__(self, *, all_tenants: Database, logins: Logins, planner: Planner) -> None:
        self._all_tenants = all_tenants
        self._logins = logins
        self._planner = planner

    async def run(self, stop: asyncio.Event) -> None:
        await repeat(self.sweep, stop, every=SWEEP_SECONDS, task="timekeeper")

    async def sweep(self) -> None:
        """Change every login that is due now."""
        async with self._all_tenants.connection() as connection:
            due = await store.due(connection, limit=BATCH)
        for tenant, transaction_id in due:
            try:
                with bound(), Span("timekeeper", parent=NOBODY):
                    await self._logins.change(transaction_id, self._on_time, tenant=tenant)
            except ConflictError:
                continue  # busy right now; the next sweep finds it again
            except DatabaseUnavailableError:
                raise
            except Exception:
                # One login that cannot go on must not keep all the others waiting.
                log.exception("login.not_moved", transaction_id=transaction_id, tenant=tenant)

    async def _on_time(self, connection: Connection, login: Login) -> Transaction:
        name_in_log(login)
        transaction = login.transaction
        now = await store.now(connection)
        if transaction.wake_at is None or now < transaction.wake_at:
            return transaction
        if now >= transaction.deadline:
            log.info(
                "login.expired", transaction_id=login.id, tenant=transaction.tenant, status=transaction.status
            )
            await personal_store.forget_personal(connection, login.id)
            return transaction.expire()
        return await self._go_on_without(connection, login)

    async def _go_on_without(self, connection: Connection, login: Login) -> Transaction:
        transaction = login.transaction
        step = transaction.current_step
        log.warning(
            "login.went_on_without",
            transaction_id=login.id,
            tenant=transaction.tenant,
            waiting_for=transaction.waiting_for,
        )
        if transaction.waiting_for is WaitingFor.VERIFICATION and step is not None:
            so_far = step.conclusion or idproof.still_pending(await store.now(connection))
            pending = transaction.decide(step.name, so_far)
            return await self._planner.go_on(connection, login, pending)
        failed = login.settings.metadata.policy == "fail"
        return transaction.finish_metadata(MetadataOutcome.FAILED if failed else MetadataOutcome.CARRIED)
