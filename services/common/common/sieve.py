"""Takes deliveries out of what the broker sends before the client library reads it.

The library waits three times for each frame, of which a delivery has three, makes an object of each and then
a task: several times the CPU of what is done here. It still connects, and reads every other frame and what is
out of the ordinary; those bytes pass as they came. A delivery that it reads may arrive after later ones.
"""

import asyncio
import struct
from collections.abc import Callable, Mapping
from typing import Any, cast

import aiormq
from aio_pika.abc import AbstractConnection
from aiormq.connection import TCPTransportFactory, TLSTransportFactory, TransportFactory
from pamqp import decode
from pamqp.constants import FRAME_BODY, FRAME_END, FRAME_HEADER, FRAME_METHOD
from yarl import URL

from common.deliveries import Delivery, PlainConsumer, PlainDelivery
from common.frames import CONTENT, FRAME

# A connection of which the library reads nothing for half a minute is dead to it.
LIBRARY_READS_ONE_EVERY_SECONDS = 1.0

_DELIVER = struct.pack(">HH", 60, 60)  # class and method; then the length of the consumer tag, and the tag
_AFTER_TAG = struct.Struct(">Q?")  # delivery tag, redelivered; then what nobody asks for
_SHORT_TEXTS_BEFORE_HEADERS, _HEADERS, _MORE_THAN_A_WORD = (0x8000, 0x4000), 0x2000, 0x0001

Found = tuple[aiormq.abc.AbstractChannel, PlainConsumer]


class SievedLines(TransportFactory):
    """Opens the lines of a connection as the library does, and puts a sieve into each."""

    def __init__(self, connection: AbstractConnection) -> None:
        self._connection = connection

    async def create(self, url: URL, **kwargs: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        lines = TLSTransportFactory() if url.scheme == "amqps" else TCPTransportFactory()
        reader, writer = await lines.create(url, **kwargs)
        transport = cast("asyncio.Transport", writer.transport)
        library = cast("asyncio.Protocol", transport.get_protocol())
        loop = asyncio.get_running_loop()
        transport.set_protocol(_Line(library, Sieve(self._find, soon=loop.call_soon, now=loop.time)))
        return reader, writer

    def _find(self, number: int, tag: str) -> Found | None:
        """The channel of that number and its consumer of that tag, if it is one of ours."""
        if not (underlay := self._connection.transport):
            return None
        channel = cast("aiormq.Channel | None", underlay.connection.channels.get(number))
        consumer = channel.consumers.get(tag) if channel else None
        return (channel, consumer) if channel and isinstance(consumer, PlainConsumer) else None


class _Line(asyncio.Protocol):
    """Between a transport and what the library receives by."""

    def __init__(self, library: asyncio.Protocol, sieve: "Sieve") -> None:
        self._library = library
        self._sieve = sieve

    def data_received(self, data: bytes) -> None:
        if passed := self._sieve.sift(data):
            self._library.data_received(passed)

    def eof_received(self) -> bool | None:
        self._pass_the_rest()
        return self._library.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._pass_the_rest()
        self._library.connection_lost(exc)

    def pause_writing(self) -> None:
        self._library.pause_writing()

    def resume_writing(self) -> None:
        self._library.resume_writing()

    def _pass_the_rest(self) -> None:
        if rest := self._sieve.rest():
            self._library.data_received(rest)


class Sieve:
    """Of one line. `find` tells whose the deliveries to a channel's number and a consumer's tag are.

    Each is handed over by `soon`: what becomes of it there is nothing to the line. `now` is in seconds.
    """

    def __init__(
        self,
        find: Callable[[int, str], Found | None],
        *,
        soon: Callable[[Callable[[Delivery], None], Delivery], object],
        now: Callable[[], float],
    ) -> None:
        self._find = find
        self._soon = soon
        self._now = now
        self._unfinished = b""
        self._library_read_one_at = now()

    def sift(self, data: bytes) -> bytes:
        """What of it is for the library, in whole frames; of a delivery that may be ours, all or nothing."""
        data = self._unfinished + data
        passed = []
        begin = at = 0
        try:
            while True:
                kind, number, end = _frame(data, at)
                taken_until = self._take(data, at, end, number) if kind == FRAME_METHOD else None
                if taken_until:
                    passed.append(data[begin:at])
                    begin = taken_until
                at = taken_until or end
        except _UnfinishedError:
            passed.append(data[begin:at])
            self._unfinished = data[at:]
        return b"".join(passed)

    def rest(self) -> bytes:
        """What has come of a frame whose end will not come."""
        rest, self._unfinished = self._unfinished, b""
        return rest

    def _take(self, data: bytes, at: int, end: int, number: int) -> int | None:
        """Hand over the delivery that begins there, and tell where it ends; None where the library should."""
        tag_at = at + FRAME.size + len(_DELIVER) + 1
        if not data.startswith(_DELIVER, at + FRAME.size):
            return None
        try:
            tag_end = tag_at + data[tag_at - 1]
            found = self._find(number, data[tag_at:tag_end].decode())
            if not found or self._library_is_to_read_one():
                return None
            content = _content(data, end, number)
            if not content:
                return None
            headers, body, content_end = content
            delivery_tag, redelivered = _AFTER_TAG.unpack_from(data, tag_end)
        except (
            ValueError,
            IndexError,
            RecursionError,
            struct.error,
        ):  # the library has words for what nobody can read
            return None
        channel, consumer = found
        delivery = PlainDelivery(body, delivery_tag, redelivered, channel, headers)
        self._soon(consumer.arrive, delivery)
        return content_end

    def _library_is_to_read_one(self) -> bool:
        now = self._now()
        if now - self._library_read_one_at < LIBRARY_READS_ONE_EVERY_SECONDS:
            return False
        self._library_read_one_at = now
        return True


class _UnfinishedError(Exception):
    """More bytes have to come."""


def _frame(data: bytes, at: int) -> tuple[int, int, int]:
    """Kind and channel of the frame that begins there, and where it ends."""
    if at + FRAME.size > len(data):
        raise _UnfinishedError
    kind, number, size = FRAME.unpack_from(data, at)
    end = at + FRAME.size + size + 1
    if end > len(data):
        raise _UnfinishedError
    return kind, number, end


def _content(data: bytes, at: int, number: int) -> tuple[Mapping[str, Any], bytes, int] | None:
    """Headers and body, and where they end; None where they are not one frame each."""
    kind, header_number, body_at = _frame(data, at)
    if kind != FRAME_HEADER or header_number != number:
        return None
    header = data[at + FRAME.size : body_at - 1]
    _, _, size, present = CONTENT.unpack_from(header)
    if size == 0 or present & _MORE_THAN_A_WORD:
        return None
    kind, body_number, end = _frame(data, body_at)
    body = data[body_at + FRAME.size : end - 1]
    if kind != FRAME_BODY or body_number != number or len(body) != size:
        return None
    if not data[at - 1] == data[body_at - 1] == data[end - 1] == FRAME_END:
        return None
    return _headers(header, present), body, end


def _headers(header: bytes, present: int) -> Mapping[str, Any]:
    if not present & _HEADERS:
        return {}
    at = CONTENT.size
    for text in _SHORT_TEXTS_BEFORE_HEADERS:
        if present & text:
            at += 1 + header[at]
    return decode.field_table(header[at:])[1]
