"""The composition root: what the process is made of, in the order in which it opens."""

import asyncio
from contextlib import AsyncExitStack

import structlog

from common.bus import Publisher, open_link, open_publisher
from common.clock import SystemClock
from common.consumer import Consumer
from common.db import Database, open_database
from common.health import Check, Health, passing, serve_health
from common.log import configure_logging
from common.outbox import Relay
from common.process import run_loops, stop_on_signals
from common.tenants_watcher import TenantsWatcher
from metadata_sync.alarm import Alarm
from metadata_sync.intake import Intake
from metadata_sync.leases import Leases
from metadata_sync.log_events import EVENTS
from metadata_sync.management import open_management_client
from metadata_sync.scheduler import Scheduler
from metadata_sync.settings import Settings
from metadata_sync.worker import Worker

SERVICE = QUEUE = "metadata-sync"
SCHEMA = "metadata_sync"

log = structlog.stdlib.get_logger()


async def serve(settings: Settings) -> None:
    """Write metadata until SIGTERM or SIGINT."""
    configure_logging(service=SERVICE, events=EVENTS, level=settings.log_level)
    stop = stop_on_signals()
    clock = SystemClock()
    tenants = TenantsWatcher(
        settings.tenants_file, production=settings.production, parts=frozenset({"management"})
    )
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
        client = await stack.enter_async_context(open_management_client(clock))
        relay = Relay(database=database, publisher=publisher, clock=clock)
        leases = Leases(database=database, relay=relay, clock=clock)
        alarm = Alarm(clock)
        worker = Worker(leases=leases, client=client, alarm=alarm, clock=clock)
        scheduler = Scheduler(
            database=database, tenants=tenants, leases=leases, worker=worker, alarm=alarm, clock=clock
        )
        intake = Intake(
            database=database,
            tenants=tenants,
            leases=leases,
            worker=worker,
            alarm=alarm,
            relay=relay,
            clock=clock,
        )
        consumer = Consumer(
            link=link,
            queue=QUEUE,
            handle=intake.handle,
            database=database,
            publisher=publisher,
            clock=clock,
        )
        checks = _checks(database=database, publisher=publisher, consumer=consumer)
        await stack.enter_async_context(serve_health(settings.admin_listen, checks=checks))
        log.info("service.started", tenants=len(tenants.current))
        await _run(stop, consumer=consumer, scheduler=scheduler, worker=worker, relay=relay, tenants=tenants)
    log.info("service.stopped")


async def _run(
    stop: asyncio.Event,
    *,
    consumer: Consumer,
    scheduler: Scheduler,
    worker: Worker,
    relay: Relay,
    tenants: TenantsWatcher,
) -> None:
    """Begin nothing new once `stop` is set; end what runs, and tell what came of it, before returning."""
    nothing_runs = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(relay.run(nothing_runs))
        await run_loops(stop, consumer.run, scheduler.run, tenants.watch)
        await worker.drain()
        nothing_runs.set()
        relay.wake()


def _checks(*, database: Database, publisher: Publisher, consumer: Consumer) -> dict[str, Check]:
    async def database_is_up() -> Health:
        return passing(await database.is_up())

    async def is_consuming() -> Health:
        return passing(consumer.is_consuming)

    async def can_publish() -> Health:
        # The outbox keeps what has to be told.
        return passing(publisher.is_connected, otherwise=Health.DEGRADED)

    return {"database": database_is_up, "queue": is_consuming, "broker": can_publish}
