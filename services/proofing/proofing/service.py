"""The composition root: what the process is made of, in the order in which it opens."""

from contextlib import AsyncExitStack

import structlog

from common.bus import Publisher, open_link, open_publisher
from common.clock import Clock, SystemClock
from common.consumer import Consumer
from common.db import Database, open_database
from common.health import Check, Health, passing, serve_health
from common.log import configure_logging
from common.outbox import Relay
from common.process import run_loops, stop_on_signals
from common.sealing import Sealer
from common.tenants_watcher import TenantsWatcher
from common.vault import Vault
from proofing.log_events import EVENTS
from proofing.providers.document import DocumentProvider
from proofing.settings import Settings
from proofing.worker import Worker

SERVICE = QUEUE = SCHEMA = "proofing"

log = structlog.stdlib.get_logger()


async def serve(settings: Settings) -> None:
    """Verify identities until SIGTERM or SIGINT."""
    configure_logging(service=SERVICE, events=EVENTS, level=settings.log_level)
    stop = stop_on_signals()
    clock = SystemClock()
    # No part of the file that holds a secret is for this service.
    tenants = TenantsWatcher(settings.tenants_file, production=settings.production, parts=frozenset())
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            open_database(
                settings.database_url,
                schema=SCHEMA,
                application_name=SERVICE,
                production=settings.production,
            )
        )
        publisher = await stack.enter_async_context(open_publisher(settings.amqp_url, name=SERVICE))
        link = await stack.enter_async_context(open_link(settings.amqp_url, name=f"{SERVICE}: consume"))
        relay = Relay(database=database, publisher=publisher, clock=clock)
        worker = _worker(settings, database=database, relay=relay, tenants=tenants, clock=clock)
        consumer = Consumer(
            link=link,
            queue=QUEUE,
            handle=worker.handle,
            database=database,
            publisher=publisher,
            clock=clock,
        )
        checks = _checks(database=database, publisher=publisher, consumer=consumer)
        await stack.enter_async_context(serve_health(settings.admin_listen, checks=checks))
        log.info("service.started", tenants=len(tenants.current))
        await run_loops(stop, consumer.run, tenants.watch, last=relay.run)
    log.info("service.stopped")


def _worker(
    settings: Settings, *, database: Database, relay: Relay, tenants: TenantsWatcher, clock: Clock
) -> Worker:
    return Worker(
        database=database,
        relay=relay,
        vault=Vault(settings.data_keys),
        sealer=Sealer(settings.seal_keys),
        tenants=tenants,
        providers={"document": DocumentProvider(clock=clock, refuse_specimens=settings.production)},
        clock=clock,
    )


def _checks(*, database: Database, publisher: Publisher, consumer: Consumer) -> dict[str, Check]:
    async def database_is_up() -> Health:
        return passing(await database.is_up())

    async def is_consuming() -> Health:
        return passing(consumer.is_consuming)

    async def can_publish() -> Health:
        # The outbox keeps what has to be told.
        return passing(publisher.is_connected, otherwise=Health.DEGRADED)

    return {"database": database_is_up, "queue": is_consuming, "broker": can_publish}
