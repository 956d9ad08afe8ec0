"""What a running metadata-sync hardly ever has to say, each with a cause from outside."""

import asyncpg
import pytest

from common.messages import COMMANDS, encode
from tests.metadata_sync.process import send
from tests.metadata_sync.tenant import Tenant
from tests.metadata_sync.test_erase import forget
from tests.metadata_sync.updates import update
from tests.support.databases import ServiceDatabase
from tests.support.queues import publish
from tests.support.service_process import ServiceProcess
from tests.support.virtual_hosts import VirtualHost

_REFUSE = "ALTER TABLE metadata_sync.outbox ADD CONSTRAINT never CHECK (false)"


@pytest.mark.logs("user.forgotten", "update.dropped", "write.failed_unexpectedly")
async def test_rare_events(
    service: ServiceProcess, amqp: VirtualHost, tenant: Tenant, database: ServiceDatabase
) -> None:
    """An update from before an erasure, and an error of ours after a write: each is told by its event."""
    service.start()
    await publish(
        amqp.gateway,
        encode(forget(2, user_id=tenant.user_id)),
        exchange=COMMANDS,
        routing_key="forget-user.v1",
    )
    await service.says("user.forgotten")
    await send(amqp, encode(update(1, user_id=tenant.user_id)))
    assert (await service.says("update.dropped"))["transaction_id"] == "tx-1"
    owner = await asyncpg.connect(database.owner)
    try:
        await owner.execute("DELETE FROM metadata_sync.outbox")
        await owner.execute(_REFUSE)
    finally:
        await owner.close()
    await send(amqp, encode(update(3, user_id=tenant.user_id)))
    failed = await service.says("write.failed_unexpectedly")
    assert (failed["transaction_id"], failed["error_type"]) == ("tx-3", "CheckViolationError")
