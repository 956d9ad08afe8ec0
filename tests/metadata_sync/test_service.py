"""The whole process on real servers: what comes in by the queue and what goes out."""

import signal

import asyncpg
import pytest

from common.messages import encode
from tests.metadata_sync.process import next_event, send
from tests.metadata_sync.tenant import Tenant
from tests.metadata_sync.updates import KEY, update, value
from tests.support.databases import ServiceDatabase
from tests.support.service_process import ServiceProcess
from tests.support.virtual_hosts import VirtualHost
from tests.support.waiting import block_until, wait_until


@pytest.mark.logs("update.accepted", "metadata.applied")
async def test_an_update_becomes_an_event_and_two_lines(
    service: ServiceProcess, amqp: VirtualHost, tenant: Tenant
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


@pytest.mark.logs("write.taken_over")
async def test_killed_during_a_call_the_user_is_taken_over(
    service: ServiceProcess, amqp: VirtualHost, tenant: Tenant, database: ServiceDatabase
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


def test_wrong_settings_are_listed(service: ServiceProcess) -> None:
    """Every mistake is on a line of its own, and no value among them."""
    service.environment |= {"DATABASE_URL": "mysql://hidden", "ADMIN_LISTEN": "nowhere"}
    process = service.launch()
    block_until(lambda: not process.running(), 20.0, what="the end of a misconfigured service")
    assert process.exit_code == 2
    assert process.last_lines() == (
        "ADMIN_LISTEN: must be HOST:PORT; for example 127.0.0.1:9090",
        (
            "DATABASE_URL: must be a URL that begins with postgresql:// or postgres://; "
            "for example postgresql://waystation_metadata_sync:PASSWORD@db.internal:5432/waystation"
        ),
    )
