"""What every service holds while it runs: its database, its two connections to the broker, its outbox."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from common.bus import Link, Publisher, open_link, open_publisher
from common.clock import Clock
from common.consumer import WORKERS, Consumer, Handler
from common.db import Database, open_database
from common.health import Check, Health, passing
from common.outbox import Relay
from common.service_settings import ServiceSettings


@dataclass(frozen=True, kw_only=True)
class Connections:
    """The open connections of one process, and what is made of nothing else."""

    database: Database
    publisher: Publisher
    link: Link
    relay: Relay
    clock: Clock

    def consumer(self, queue: str, *, handle: Handler, at_once: int = WORKERS) -> Consumer:
        return Consumer(
            link=self.link,
            queue=queue,
            handle=handle,
            database=self.database,
            publisher=self.publisher,
            clock=self.clock,
            at_once=at_once,
        )

    async def database_health(self) -> Health:
        return passing(await self.database.is_up())


@asynccontextmanager
async def open_connections(
    settings: ServiceSettings, *, service: str, schema: str, clock: Clock
) -> AsyncIterator[Connections]:
    """Open them in the order in which they need each other.

    Raises:
        DatabaseUnavailableError: nothing answers there.
        SchemaOutdatedError: migrations are missing.
        ClockOffsetRefusedError: in production, the database's clock is moved.
    """
    async with (
        open_database(
            settings.database_url,
            schema=schema,
            application_name=service,
            production=settings.production,
        ) as database,
        open_publisher(settings.amqp_url, name=service) as publisher,
        open_link(settings.amqp_url, name=f"{service}: consume") as link,
    ):
        relay = Relay(database=database, publisher=publisher, clock=clock)
        yield Connections(database=database, publisher=publisher, link=link, relay=relay, clock=clock)


def worker_checks(connections: Connections, consumer: Consumer) -> dict[str, Check]:
    """The readiness of a service that works for a queue: it fails when it cannot take from it."""

    async def is_consuming() -> Health:
        return passing(consumer.is_consuming)

    async def can_publish() -> Health:
        # The outbox keeps what has to be told.
        return passing(connections.publisher.is_connected, otherwise=Health.DEGRADED)

    return {"database": connections.database_health, "queue": is_consuming, "broker": can_publish}
