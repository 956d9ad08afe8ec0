"""metadata-sync as it is deployed: real processes around a database and a virtual host of their own."""

import asyncio
import base64
import json
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import aio_pika
import asyncpg
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage

from common.messages import (
    COMMANDS,
    DesiredValue,
    Kind,
    UpdateMetadata,
    encode,
    new_event_id,
    routing_key_of,
)
from common.personal_values import PersonalValue, seal_personal
from common.sealing import Sealer
from tests.bench.cpu import cpu_seconds
from tests.bench.metadata_sync.servers import Place
from tests.bench.metadata_sync.tenant import CLIENT, Tenant
from tests.bench.metadata_sync.workload import APP_METADATA, Update, Workload, user_id
from tests.common.tenants_on_disk import section, write_tenants
from tests.support.errors import ProcessFailedError
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.run_folder import RunFolder
from tests.support.secret_folder import SecretFolder
from tests.support.waiting import wait_until

RESERVE, QUIET, MAX_WAIT = 0.2, 2, 30
_READY_SECONDS = 60.0
_TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
_TICK_SECONDS = 0.01


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A tenant of the service, its limit as both sides know it."""

    tenant: Tenant
    burst: int
    per_second: int
    quiet: int = QUIET


class Service:
    """Replicas that share one queue and one database, and what the gateway would do with them."""

    def __init__(
        self, folder: RunFolder, place: Place, *, plans: Mapping[str, Plan], publish: AbstractExchange
    ) -> None:
        self.place = place
        self.replicas: dict[str, Process] = {}
        self._folder = folder
        self._publish = publish
        self._admin: dict[str, int] = {}
        home = folder.path / place.name
        home.mkdir(exist_ok=True)
        self._secrets = SecretFolder(folder.path / "secrets")
        self._sealer = Sealer((_key(self._secrets.key("seal-metadata-sync")),))
        sections = {key: _section(plan) for key, plan in plans.items()}
        self._tenants_file = write_tenants(home, sections)

    def launch(self, number: int) -> Process:
        """Start a replica without waiting for it."""
        name = f"{self.place.name}-{number}"
        self._admin[name] = self._admin.get(name) or free_port()
        env = {
            "ENVIRONMENT": "development",
            "OUTGOING_ADDRESSES": "any",
            "DATABASE_URL": self.place.database.metadata_sync,
            "AMQP_URL": self.place.amqp.metadata_sync,
            "TENANTS_FILE": str(self._tenants_file),
            "ADMIN_LISTEN": f"127.0.0.1:{self._admin[name]}",
            "DATA_KEY_FILES": str(self._secrets.key_file("data-metadata-sync")),
            "SEAL_KEY_FILES": str(self._secrets.key_file("seal-metadata-sync")),
        }
        process = self._folder.start(name, [sys.executable, "-m", "metadata_sync"], env=env)
        self.replicas[name] = process
        return process

    async def start(self, replicas: int) -> None:
        for number in range(replicas):
            self.launch(number)
        for name in self.replicas:
            await wait_until(partial(self._is_ready, name), _READY_SECONDS, what=f"{name} to be ready")

    async def replace(self, number: int) -> None:
        """Kill a replica as a crash would, and start a new one in its place."""
        process = self.replicas[f"{self.place.name}-{number}"]
        process.send(signal.SIGKILL)
        await wait_until(lambda: not process.running(), _READY_SECONDS, what="a killed replica to end")
        self._folder.stop_one(process)
        self.launch(number)

    def stop(self) -> None:
        self._folder.stop_together(self.replicas.values())
        self.replicas.clear()

    def cpu_seconds(self) -> float:
        return sum(cpu_seconds(process.pid) for process in self.replicas.values())

    async def offer(self, tenant: str, workload: Workload, *, start: float) -> None:
        """Publish every update at its time after `start`, as the gateway would."""
        coming, next_one = workload.updates, 0
        while next_one < len(coming):
            await asyncio.sleep(max(0.0, start + coming[next_one].at - time.time()))
            arrived = next_one
            while next_one < len(coming) and start + coming[next_one].at <= time.time() + _TICK_SECONDS:
                next_one += 1
            await self.publish(tenant, coming[arrived:next_one])

    async def publish(self, tenant: str, updates: Iterable[Update]) -> None:
        """All at once, each confirmed by the broker."""
        await asyncio.gather(*(self._send(_message(tenant, update, self._sealer)) for update in updates))

    async def _send(self, message: UpdateMetadata) -> None:
        outgoing = aio_pika.Message(
            encode(message),
            content_type="application/json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=new_event_id(),
            headers={"x-event-id": message.event_id},
        )
        await self._publish.publish(outgoing, routing_key_of(message), mandatory=True)

    def _is_ready(self, name: str) -> bool:
        if not self.replicas[name].running():
            raise ProcessFailedError(f"{name} ended", last_lines=self.replicas[name].last_lines())
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._admin[name]}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def _key(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _section(plan: Plan) -> dict[str, Any]:
    management = {
        "domain": plan.tenant.authority,
        "base_url": plan.tenant.origin,
        "client_id": CLIENT,
        "client_secret_file": "secrets/management",
        "rate_profile": {"burst": plan.burst, "per_second": plan.per_second},
        "reserve": RESERVE,
    }
    metadata = {"quiet": f"{plan.quiet}s", "max_wait": f"{MAX_WAIT}s"}
    return section(plan.tenant.authority, management=management, metadata=metadata)


def _message(tenant: str, update: Update, sealer: Sealer) -> UpdateMetadata:
    moment, event_id, transaction_id = datetime.now(UTC), new_event_id(), f"tx-{update.user}-{update.rev}"
    sealed = None
    if update.kind != APP_METADATA:
        values = {Kind(update.kind): {update.key: PersonalValue(rev=update.rev, value=update.value)}}
        sealed = seal_personal(values, sealer=sealer, bound_to=(tenant, transaction_id, event_id))
    return UpdateMetadata(
        event_id=event_id,
        tenant=tenant,
        transaction_id=transaction_id,
        occurred_at=moment,
        traceparent=_TRACE,
        user_id=user_id(update.user),
        waiting=update.waiting,
        deadline=moment + timedelta(minutes=45),
        keys={} if sealed else {update.key: DesiredValue(rev=update.rev, value=update.value)},
        sealed=sealed,
    )


@asynccontextmanager
async def open_service(
    folder: RunFolder, place: Place, *, plans: Mapping[str, Plan]
) -> AsyncIterator[Service]:
    """The service's surroundings; its replicas are stopped at the end."""
    async with await aio_pika.connect(place.amqp.gateway) as connection:
        channel = await connection.channel(on_return_raises=True)
        publish = await channel.get_exchange(COMMANDS, ensure=False)
        service = Service(folder, place, plans=plans, publish=publish)
        try:
            yield service
        finally:
            service.stop()


@asynccontextmanager
async def told(place: Place, hear: Callable[[str, str], None]) -> AsyncIterator[None]:
    """Have `hear` called with tenant and transaction of every MetadataApplied while the block runs."""

    async def on_message(message: AbstractIncomingMessage) -> None:
        fields = json.loads(message.body)
        if fields["type"] == "MetadataApplied":
            hear(fields["tenant"], fields["transaction_id"])

    async with await aio_pika.connect(place.amqp.gateway) as connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=500)
        queue = await channel.get_queue("gateway", ensure=False)
        await queue.consume(on_message, no_ack=True)
        yield


async def ask(place: Place, query: str) -> Any:
    """One value out of the service's database."""
    connection = await asyncpg.connect(place.database.owner)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def has_nothing_to_do(place: Place) -> bool:
    """Whether every message was taken in and no user has to be looked at any more."""
    if await place.amqp.depth("metadata-sync"):
        return False
    return not await ask(place, "SELECT EXISTS (SELECT FROM metadata_sync.users WHERE wake_at IS NOT NULL)")


async def backend_cpu_seconds(place: Place) -> float:
    """What the processes of PostgreSQL that work for the service have used."""
    pids: list[int] = await ask(
        place,
        "SELECT coalesce(array_agg(pid), '{}') FROM pg_stat_activity"
        " WHERE datname = current_database() AND usename = 'waystation_metadata_sync'",
    )
    return sum(cpu_seconds(pid) for pid in pids)
