"""A queue of our own beside the services', which gets a copy of whatever they say to each other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aio_pika.abc import AbstractIncomingMessage

from tests.support.queues import channel_of
from tests.support.virtual_hosts import VirtualHost

_EXCHANGES = ("waystation.commands", "waystation.events", "waystation.dead")


@asynccontextmanager
async def overheard(vhost: VirtualHost) -> AsyncIterator[list[str]]:
    """All messages published meanwhile, in the order of their arrival: routing key, body and headers."""
    messages: list[str] = []

    async def note(message: AbstractIncomingMessage) -> None:
        messages.append(f"{message.routing_key} {message.body.decode()} {dict(message.headers)!r}")

    async with channel_of(vhost.admin) as channel:
        queue = await channel.declare_queue(exclusive=True)
        for name in _EXCHANGES:
            await queue.bind(name, routing_key="#")
        await queue.consume(note, no_ack=True)
        yield messages
