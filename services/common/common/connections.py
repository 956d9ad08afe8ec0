"""What every service holds while it runs: its database, its two connections to the broker, its outbox.

A machine that comes up starts databases, migrations and services in any order, so a service waits for what it
needs. Without its database it lives, says so and does nothing else; without the broker, what needs none.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import structlog

from common.audit_chain import AuditSealer
from common.bus import Link, Publisher, open_link, open_publisher
from common.clock import Clock
from common.consumer import WORKERS, Consumer, Handler
from common.db import Database, DatabaseUnavailableError, SchemaOutdatedError, open_database
from common.gauges import SharedGauges
from common.health import Check, Health, passing
from common.lane import Together
from common.relay import Relay
from common.service_settings import ServiceSettings

FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 5.0
LOOPS_POOL_SIZE = 3

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, kw_only=True)
class Connections:
    """The open connections of one process, and what is made of nothing else.

    `database` sees a tenant's rows in a transaction that names the tenant; `all_tenants`, the smaller one, is
    for loops that look for work of every tenant.
    """

    database: Database
    all_tenants: Database
    publisher: Publisher
    link: Link
    relay: Relay
    audit_sealer: AuditSealer
    clock: Clock

    def consumer(
        self, queue: str, *, handle: Handler, at_once: int = WORKERS, together: Together | None = None
    ) -> Consumer:
        return Consumer(
            link=self.link,
            queue=queue,
            handle=handle,
            database=self.database,
            publisher=self.publisher,
            clock=self.clock,
            at_once=at_once,
            together=together,
        )

    def gauges(self) -> SharedGauges:
        databases = {"service": self.database}
        if self.all_tenants is not self.database:
            databases["all_tenants"] = self.all_tenants
        return SharedGauges(databases=databases, clock=self.clock)

    async def database_health(self) -> Health:
        return passing(await self.database.is_up())


@asynccontextmanager
async def open_connections(
    settings: ServiceSettings, *, service: str, schema: str, clock: Clock, is_for_all_tenants: bool = False
) -> AsyncIterator[Connections]:
    """Open them in the order in which they need each other, the database as soon as it is there and migrated.

    `is_for_all_tenants`: whatever the service does goes across tenants, and both databases are the same.

    Raises:
        UnsafeDatabaseError: in production, the database's clock is moved or the role is too mighty.
    """
    opening = partial(
        open_database,
        settings.database_url,
        schema=schema,
        application_name=service,
        production=settings.production,
    )
    async with AsyncExitStack() as stack:
        database = await _enter(stack, partial(opening, all_tenants=is_for_all_tenants), clock=clock)
        all_tenants = database
        if not is_for_all_tenants:
            loops = partial(opening, all_tenants=True, pool_size=LOOPS_POOL_SIZE)
            all_tenants = await _enter(stack, loops, clock=clock)
        publisher = await stack.enter_async_context(open_publisher(settings.amqp_url, name=service))
        link = await stack.enter_async_context(open_link(settings.amqp_url, name=f"{service}: consume"))
        yield Connections(
            database=database,
            all_tenants=all_tenants,
            publisher=publisher,
            link=link,
            relay=Relay(database=database, publisher=publisher, clock=clock),
            audit_sealer=AuditSealer(database=database),
            clock=clock,
        )


async def _enter(
    stack: AsyncExitStack, opening: Callable[[], AbstractAsyncContextManager[Database]], *, clock: Clock
) -> Database:
    """Ask again and again; a password that is wrong may be one that was not given yet."""
    delay = FIRST_WAIT_SECONDS
    while True:
        try:
            return await stack.enter_async_context(opening())
        except (DatabaseUnavailableError, SchemaOutdatedError) as exc:
            log.warning("service.waiting", error_type=type(exc).__name__, cause=str(exc))
        await clock.sleep(delay)
        delay = min(delay * 2, LONGEST_WAIT_SECONDS)


def worker_checks(connections: Connections, consumer: Consumer) -> dict[str, Check]:
    """The readiness of a service that works for a queue: it fails when it cannot take from it."""

    async def is_consuming() -> Health:
        return passing(consumer.is_consuming)

    async def can_publish() -> Health:
        # The outbox keeps what has to be told.
        return passing(connections.publisher.is_connected, otherwise=Health.DEGRADED)

    return {"database": connections.database_health, "queue": is_consuming, "broker": can_publish}
