"""The whole process on real servers: what comes in by the queue and what goes out."""

import json
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aio_pika
import asyncpg
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from common.messages import COMMANDS, MetadataApplied, decode, encode
from tests.metadata_sync.tenant import Tenant
from tests.metadata_sync.updates import KEY, update, value
from tests.support.databases import ServiceDatabase
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.run_folder import RunFolder
from tests.support.virtual_hosts import VirtualHost
from tests.support.waiting import block_until, wait_until


@dataclass
class Service:
    """A process of metadata-sync that a test starts, kills and starts again."""

    folder: RunFolder
    environment: dict[str, str]
    processes: list[Process] = field(default_factory=list)

    def start(self) -> Process:
        process = self.launch()
        process.block_until_ready(self._is_ready, 20.0)
        return process

    def launch(self) -> Process:
        argv = [sys.executable, "-m", "metadata_sync"]
        name = f"metadata-sync-{len(self.processes)}"
        self.processes.append(self.folder.start(name, argv, env=self.environment))
        return self.processes[-1]

    def lines(self) -> list[dict[str, Any]]:
        """Every log line of the last process."""
        return [json.loads(line) for line in self.processes[-1].output.read_text().splitlines()]

    def _is_ready(self) -> bool:
        url = f"http://{self.environment['ADMIN_LISTEN']}/readyz"
        try:
            with urllib.request.urlopen(url, timeout=1) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False


@pytest.fixture
def service(
    database: ServiceDatabase, amqp: VirtualHost, tenants_file: Path, tmp_path: Path
) -> Iterator[Service]:
    environment = {
        "ENVIRONMENT": "development",
        "DATABASE_URL": database.metadata_sync,
        "AMQP_URL": amqp.metadata_sync,
        "TENANTS_FILE": str(tenants_file),
        "ADMIN_LISTEN": f"127.0.0.1:{free_port()}",
    }
    folder = RunFolder(tmp_path / "run")
    yield Service(folder, environment)
    folder.stop()


@asynccontextmanager
async def channel_of(url: str) -> AsyncIterator[AbstractChannel]:
    connection = await aio_pika.connect(url)
    async with connection, connection.channel() as channel:
        yield channel


async def send(amqp: VirtualHost, *bodies: bytes) -> None:
    """Publish commands as the gateway does."""
    async with channel_of(amqp.gateway) as channel:
        exchange = await channel.get_exchange(COMMANDS, ensure=False)
        for body in bodies:
            await exchange.publish(aio_pika.Message(body), "update-metadata.v1")


async def take(url: str, queue: str) -> AbstractIncomingMessage:
    """The next message of a queue."""
    async with channel_of(url) as channel:
        opened = await channel.get_queue(queue, ensure=False)
        message = await wait_until(
            lambda: opened.get(no_ack=True, fail=False), 20.0, what=f"a message in {queue}"
        )
        assert message is not None
        return message


async def next_event(amqp: VirtualHost) -> MetadataApplied:
    event = decode((await take(amqp.gateway, "gateway")).body)
    assert isinstance(event, MetadataApplied)
    return event


async def test_an_update_becomes_an_event_and_two_lines(
    service: Service, amqp: VirtualHost, tenant: Tenant
) -> None:
    """What the gateway asks by its queue is answered in the gateway's, and the log tells it in two lines."""
    process = service.start()
    sent = update(1, user_id=tenant.user_id)
    await send(amqp, encode(sent), encode(sent))
    event = await next_event(amqp)
    assert (event.transaction_id, event.keys) == ("tx-1", {KEY: 1})
    process.stop()
    assert process.exit_code == 0
    lines = service.lines()
    assert [line["event"] for line in lines] == [
        "service.started",
        "update.accepted",
        "metadata.applied",
        "service.stopped",
    ]
    told = {"tenant": "acme", "transaction_id": "tx-1", "trace_id": sent.traceparent[3:35]}
    assert all(told.items() <= line.items() for line in lines[1:3])
    assert tenant.user_id not in process.output.read_text()
    assert await tenant.patches() == [{KEY: value(1)}]


async def test_a_poisoned_update_is_parked_with_its_reason(
    service: Service, amqp: VirtualHost, tenant: Tenant
) -> None:
    """What may never be written waits in the dead letter queue, and what comes after it is written."""
    service.start()
    await send(
        amqp,
        encode(update(1, user_id="..")),
        b"{" * 1_000_000,
        encode(update(2, user_id=tenant.user_id)),
    )
    assert (await next_event(amqp)).keys == {KEY: 2}
    reasons = {(await take(amqp.admin, "metadata-sync.dead")).headers["x-reason"] for _ in range(2)}
    assert reasons == {"user_id_malformed", "malformed"}


async def test_killed_during_a_call_the_user_is_taken_over(
    service: Service, amqp: VirtualHost, tenant: Tenant, database: ServiceDatabase
) -> None:
    """After a crash with a lease held the write is done by another process, and told once."""
    await tenant.fault(delay=30)
    process = service.start()
    await send(amqp, encode(update(1, user_id=tenant.user_id)))
    await wait_until(lambda: _leases(database.owner), what="the lease")
    process.kill()
    assert process.exit_code == -signal.SIGKILL
    service.start()
    event = await next_event(amqp)
    assert (event.transaction_id, event.keys) == ("tx-1", {KEY: 1})
    assert (await tenant.app_metadata())[KEY] == value(1)
    assert "write.taken_over" in [line["event"] for line in service.lines()]
    assert await amqp.depth("gateway") == 0


async def _leases(owner: str) -> int:
    connection = await asyncpg.connect(owner)
    try:
        count: int = await connection.fetchval("SELECT coalesce(max(lease), 0) FROM metadata_sync.users")
    finally:
        await connection.close()
    return count


def test_wrong_settings_are_listed(service: Service) -> None:
    """Every mistake is on a line of its own, and no value among them."""
    service.environment |= {"DATABASE_URL": "mysql://hidden", "ADMIN_LISTEN": "nowhere"}
    process = service.launch()
    block_until(lambda: not process.running(), 20.0, what="the end of a misconfigured service")
    assert process.exit_code == 2
    assert process.last_lines() == (
        "ADMIN_LISTEN: must be HOST:PORT",
        "DATABASE_URL: must be a URL that begins with postgresql:// or postgres://",
    )
