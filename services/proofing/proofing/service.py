"""The composition root: what the process is made of, in the order in which it opens."""

from contextlib import AsyncExitStack

import structlog

from common.clock import SystemClock
from common.connections import Connections, open_connections, worker_checks
from common.farewell import Farewell
from common.health import serve_health
from common.log import configure_logging
from common.process import run_loops, stop_on_signals
from common.retention import RetentionJob
from common.sealing import Sealer
from common.tenants_watcher import TenantsWatcher
from common.tracing_open import open_tracing
from common.vault import Vault
from proofing.erase import Eraser
from proofing.log_events import EVENTS
from proofing.providers.document import DocumentProvider
from proofing.retention import rules
from proofing.settings import PARTS, Settings
from proofing.worker import Worker

SERVICE = QUEUE = SCHEMA = "proofing"

log = structlog.stdlib.get_logger()


async def serve(settings: Settings) -> None:
    """Verify identities until SIGTERM or SIGINT."""
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
            open_connections(settings, service=SERVICE, schema=SCHEMA, clock=clock)
        )
        worker = _worker(settings, connections, tenants=tenants)
        eraser = Eraser(
            database=connections.database,
            relay=connections.relay,
            vault=Vault(settings.data_keys),
            clock=clock,
            otherwise=worker.handle,
        )
        consumer = connections.consumer(QUEUE, handle=eraser.handle)
        checks = worker_checks(connections, consumer)
        stack.enter_context(vitals.serving(checks, refresh=connections.gauges().refresh))
        log.info("service.started", tenants=len(tenants.current))
        retention = RetentionJob(
            database=connections.database,
            tenants=tenants,
            rules=rules(Vault(settings.data_keys)),
            clock=clock,
        )
        loops = (consumer.run, connections.audit_sealer.run, retention.run, tenants.watch)
        farewell = Farewell(vitals=vitals, seconds=0, clock=clock)
        await run_loops(stop, *loops, first=farewell.say, last=connections.relay.run)
    log.info("service.stopped")


def _worker(settings: Settings, connections: Connections, *, tenants: TenantsWatcher) -> Worker:
    clock = connections.clock
    return Worker(
        database=connections.database,
        relay=connections.relay,
        vault=Vault(settings.data_keys),
        sealer=Sealer(settings.seal_keys),
        tenants=tenants,
        providers={"document": DocumentProvider(clock=clock, refuse_specimens=settings.production)},
        clock=clock,
    )
