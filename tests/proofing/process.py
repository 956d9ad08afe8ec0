"""Proofing as a process of its own, on real servers: what goes into its queue and what comes out."""

from common.messages import COMMANDS, VerificationChanged, decode
from tests.support.queues import publish, take
from tests.support.virtual_hosts import VirtualHost


async def send(amqp: VirtualHost, *bodies: bytes) -> None:
    """Publish commands as the gateway does."""
    await publish(amqp.gateway, *bodies, exchange=COMMANDS, routing_key="verify-identity.v1")


async def next_event(amqp: VirtualHost) -> VerificationChanged:
    event = decode((await take(amqp.gateway, "gateway")).body)
    assert isinstance(event, VerificationChanged)
    return event
