"""The composition root: what the process is made of, in the order in which it opens."""

import asyncio
from contextlib import AsyncExitStack

import structlog

from common import lane
from common.clock import SystemClock
from common.connections import open_connections, worker_checks
from common.consumer import PREFETCH_EACH
from common.farewell import Farewell
from common.health import serve_health
from common.lane import Together
from common.log import configure_logging
from common.metrics import one_by_one
from common.process import Loop, run_loops, stop_on_signals
from common.relay import Relay
from common.retention import RetentionJob
from common.sealing import Sealer
from common.tenants_watcher import TenantsWatcher
from common.tracing_open import open_tracing
from common.vault import Vault
from metadata_sync.alarm import Alarm
from metadata_sync.directories import Directories
from metadata_sync.erase import Eraser
from metadata_sync.gauges import Gauges
from metadata_sync.intake import Intake, is_urgent
from metadata_sync.internal import serve_internal
from metadata_sync.leases import Leases
from metadata_sync.log_events import EVENTS
from metadata_sync.management import open_management_client
from metadata_sync.passwords import Passwords
from metadata_sync.personal import Personal
from metadata_sync.retention import Users
from metadata_sync.scheduler import Scheduler
from metadata_sync.settings import PARTS, Settings
from metadata_sync.worker import Worker

SERVICE = QUEUE = "metadata-sync"
SCHEMA = "metadata_sync"
BATCHED = 2 * lane.AT_MOST // PREFETCH_EACH  # one batch in work, the next one ready

log = structlog.stdlib.get_logger()


async def serve(settings: Settings) -> None:
    """Write metadata until SIGTERM or SIGINT."""
    configure_logging(
        service=SERVICE,
        events=EVENTS,
        level=settings.log_level,
        log_format=settings.log_format,
        production=settings.production,
    )
    stop = stop_on_signals()
    clock = SystemClock()
    tenants = TenantsWatcher(settings.tenants_file, production=settings.production, parts=PARTS)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(
            open_tracing(settings.tracing, service=SERVICE, production=settings.production)
        )
        vitals = await stack.enter_async_context(serve_health(settings.admin_listen, service=SERVICE))
        connections = await stack.enter_async_context(
            open_connections(settings, service=SERVICE, schema=SCHEMA, clock=clock, is_for_all_tenants=True)
        )
        client = await stack.enter_async_context(open_management_client(clock, outgoing=settings.outgoing))
        database, relay = connections.database, connections.relay
        personal = Personal(sealer=Sealer(settings.seal_keys), vault=Vault(settings.data_keys))
        leases = Leases(database=database, personal=personal, relay=relay, clock=clock)
        alarm = Alarm(clock)
        worker = Worker(leases=leases, client=client, alarm=alarm, clock=clock)
        scheduler = Scheduler(
            database=database, tenants=tenants, leases=leases, worker=worker, alarm=alarm, clock=clock
        )
        intake = Intake(
            database=database,
            tenants=tenants,
            personal=personal,
            leases=leases,
            worker=worker,
            alarm=alarm,
            relay=relay,
            clock=clock,
        )
        eraser = Eraser(
            database=database,
            tenants=tenants,
            personal=personal,
            alarm=alarm,
            clock=clock,
            otherwise=intake.handle,
        )
        consumer = connections.consumer(
            QUEUE,
            handle=eraser.handle,
            at_once=BATCHED,
            together=Together(handle=intake.handle_all, is_urgent=is_urgent),
        )
        gauges = Gauges(database=database, tenants=tenants, worker=worker, clock=clock)
        refresh = one_by_one(connections.gauges().refresh, gauges.refresh)
        checks = worker_checks(connections, consumer)
        drain_seconds = settings.drain_seconds if settings.internal else 0
        farewell = Farewell(vitals=vitals, seconds=drain_seconds, clock=clock)
        doors = await stack.enter_async_context(farewell.doors)
        if settings.internal:
            passwords = Passwords(database=database, client=client, directories=Directories(), clock=clock)
            await doors.enter_async_context(
                serve_internal(settings.internal, tenants=tenants, passwords=passwords, farewell=farewell)
            )
        stack.enter_context(vitals.serving(checks, refresh=refresh))
        log.info("service.started", tenants=len(tenants.current))
        retention = RetentionJob(database=database, tenants=tenants, rules={"users": Users()}, clock=clock)
        loops = (consumer.run, scheduler.run, connections.audit_sealer.run, retention.run, tenants.watch)
        await _run(stop, *loops, farewell=farewell, worker=worker, relay=relay)
    log.info("service.stopped")


async def _run(stop: asyncio.Event, *loops: Loop, farewell: Farewell, worker: Worker, relay: Relay) -> None:
    """Begin nothing new once `stop` is set; end what runs, and tell what came of it, before returning."""
    nothing_runs = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(relay.run(nothing_runs))
        await run_loops(stop, *loops, first=farewell.say)
        await worker.drain()
        nothing_runs.set()
        relay.wake()
