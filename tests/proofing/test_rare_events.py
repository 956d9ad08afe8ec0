"""What a running proofing hardly ever has to say, each with a cause from outside."""

from datetime import UTC, datetime

import asyncpg
import pytest

from common.messages import COMMANDS, encode
from tests.proofing.commands import command
from tests.proofing.process import next_event, send
from tests.proofing.test_erase import forget
from tests.proofing.test_second_pass import confirming
from tests.support.databases import ServiceDatabase
from tests.support.queues import publish
from tests.support.service_process import ServiceProcess
from tests.support.virtual_hosts import VirtualHost

_LONG_AGO = """
    INSERT INTO proofing.erasures (tenant, user_id, rev, erased_at)
    VALUES ('acme', 'auth0|gone', 1, now() - interval '20 years')
"""
_DAMAGE = "UPDATE proofing.evidence SET content = set_byte(content, 60, 255 - get_byte(content, 60))"
_REFUSE = "ALTER TABLE proofing.verifications ADD CONSTRAINT never CHECK (verification_id <> 'ver-3')"
_ACCEPT = "ALTER TABLE proofing.verifications DROP CONSTRAINT never"


@pytest.mark.logs(
    "retention.enforced",
    "evidence.does_not_open",
    "message.failed",
    "user.forgotten",
    "verification.dropped",
    "message.tenant_unknown",
)
async def test_rare_events(service: ServiceProcess, amqp: VirtualHost, database: ServiceDatabase) -> None:
    """Old rows, damage, our own error, an erased person, an unknown tenant: each is told by its event."""
    now = datetime.now(UTC)
    owner = await asyncpg.connect(database.owner)
    try:
        await owner.execute(_LONG_AGO)
        service.start()
        assert (await service.says("retention.enforced"))["removed"] == ["erasures=1"]
        await send(amqp, encode(command(now=now)))
        await next_event(amqp)
        await owner.execute(_DAMAGE)
        await send(amqp, encode(confirming(now=now)))
        assert (await service.says("evidence.does_not_open"))["verification_id"] == "ver-1"
        await next_event(amqp)
        await owner.execute(_REFUSE)
        await send(amqp, encode(command(now=now, verification_id="ver-3", transaction_id="tx-3")))
        assert (await service.says("message.failed"))["error_type"] == "CheckViolationError"
        await owner.execute(_ACCEPT)
        assert (await next_event(amqp)).verification_id == "ver-3"
        await publish(amqp.gateway, encode(forget(5)), exchange=COMMANDS, routing_key="forget-user.v1")
        await service.says("user.forgotten")
        await send(amqp, encode(command(now=now, verification_id="ver-4", transaction_id="tx-4", rev=1)))
        assert (await service.says("verification.dropped"))["verification_id"] == "ver-4"
        await send(amqp, encode(command(now=now, verification_id="ver-5", tenant="nobodys")))
        assert (await service.says("message.tenant_unknown"))["tenant"] == "nobodys"
    finally:
        await owner.close()
