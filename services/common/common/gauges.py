"""What every service looks up when somebody scrapes: its outbox, and the connections to its database."""

import structlog

from common import metrics, outbox
from common.clock import Clock
from common.db import Database, DatabaseUnavailableError

KEPT_SECONDS = 5.0  # of many who scrape, one asks the database

log = structlog.stdlib.get_logger()


class SharedGauges:
    """Brings these up to date; what the database does not tell is left out rather than told from memory."""

    def __init__(self, *, databases: dict[str, Database], clock: Clock) -> None:
        """The first of `databases` holds the outbox; each is told by its name."""
        self._databases = databases
        self._clock = clock
        self._stale_at = 0.0

    async def refresh(self) -> None:
        for name, database in self._databases.items():
            use = database.use()
            metrics.POOL_CONNECTIONS.labels(name, "used").set(use.used)
            metrics.POOL_CONNECTIONS.labels(name, "idle").set(use.idle)
            metrics.POOL_CONNECTIONS.labels(name, "limit").set(use.limit)
        if self._clock.monotonic() >= self._stale_at:
            self._stale_at = self._clock.monotonic() + KEPT_SECONDS
            await self._look_into_the_outbox()

    async def _look_into_the_outbox(self) -> None:
        database = next(iter(self._databases.values()))
        try:
            async with database.connection() as connection:
                backlog = await outbox.backlog(connection)
        except DatabaseUnavailableError:
            log.warning("database.unavailable", task="metrics")
            metrics.OUTBOX_MESSAGES.set(float("nan"))
            metrics.OUTBOX_LAG.set(float("nan"))
        else:
            metrics.OUTBOX_MESSAGES.set(backlog.messages)
            metrics.OUTBOX_LAG.set(backlog.oldest_seconds)
