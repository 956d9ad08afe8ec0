"""Publishes many messages by one write to the broker's connection.

The client library publishes one message at a time: it holds the channel until the socket has taken each. That
is four system calls and a dozen turns of the event loop for each message; here all go out together and each
is confirmed by itself. The library's channel still numbers them and hears the confirms and returns.
"""

import asyncio
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

import aiormq
from aiormq.abc import ChannelFrame
from pamqp import frame
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader

PERSISTENT = 2


@dataclass(frozen=True, kw_only=True)
class Publication:
    """One message for the broker, which drops it after `expiration`."""

    body: bytes
    exchange: str
    routing_key: str
    headers: dict[str, Any]
    expiration: timedelta | None


async def publish_together(
    channel: aiormq.Channel, publications: Sequence[Publication]
) -> list["asyncio.Future[Any]"]:
    """Send them, and return for each what becomes of it: a `Basic.Ack` as result, or an error.

    Each has an AMQP message id of its own: by it the channel knows a message that comes back unroutable.
    """
    async with channel.lock:
        first = channel.delivery_tag + 1
        ids = {first + place: str(uuid.uuid4()) for place in range(len(publications))}
        payload = b"".join(
            part
            for publication, message_id in zip(publications, ids.values(), strict=True)
            for part in _frames(channel, publication, message_id)
        )
        answers = [channel.create_future() for _ in publications]
        channel.confirmations.update(zip(ids, answers, strict=True))
        channel.message_id_delivery_tag.update((message_id, tag) for tag, message_id in ids.items())
        channel.delivery_tag += len(publications)
        for (tag, message_id), answer in zip(ids.items(), answers, strict=True):
            answer.add_done_callback(_Forget(channel, message_id, tag))
        try:
            await channel.write_queue.put(ChannelFrame(payload=payload, should_close=False))
        except BaseException:
            # The broker has not seen them: their numbers are the next ones'.
            channel.delivery_tag -= len(publications)
            for tag, answer in zip(ids, answers, strict=True):
                channel.confirmations.pop(tag, None)
                answer.cancel()
            raise
    return answers


def failure_of(answer: "asyncio.Future[Any]") -> BaseException | None:
    """Why a message is not known to be published; None where the broker has confirmed it."""
    if not answer.done():
        return TimeoutError("no confirm came")
    if answer.cancelled():
        return ConnectionAbortedError("the channel was given up")
    error = answer.exception()
    if isinstance(error, asyncio.CancelledError):
        return ConnectionAbortedError("the channel was given up")
    return error


@dataclass(frozen=True)
class _Forget:
    """Once a message is confirmed, its id means nothing any more."""

    channel: aiormq.Channel
    message_id: str
    tag: int

    def __call__(self, _answer: "asyncio.Future[Any]") -> None:
        self.channel.message_id_delivery_tag.pop(self.message_id, None)


def _frames(channel: aiormq.Channel, publication: Publication, message_id: str) -> Iterator[bytes]:
    yield _publish_frame(channel.number, publication.exchange, publication.routing_key)
    properties = Basic.Properties(
        content_type="application/json",
        delivery_mode=PERSISTENT,
        message_id=message_id,
        headers=publication.headers,
        expiration=_milliseconds(publication.expiration),
    )
    header = ContentHeader(properties=properties, body_size=len(publication.body))
    yield frame.marshal(header, channel.number)
    for begin in range(0, len(publication.body), channel.max_content_size):
        piece = publication.body[begin : begin + channel.max_content_size]
        yield frame.marshal(ContentBody(piece), channel.number)


def _milliseconds(expiration: timedelta | None) -> str | None:
    return None if expiration is None else str(expiration // timedelta(milliseconds=1))


@lru_cache(maxsize=64)
def _publish_frame(channel: int, exchange: str, routing_key: str) -> bytes:
    return frame.marshal(Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=True), channel)
