"""A load of keep-alive connections that costs little: prebuilt requests, bare protocol, no client library."""

import asyncio
import time
from collections.abc import Sequence

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length: "


class Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._answered: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer the one who waits when the announced length is there."""
        self._buffer += data
        head, found, body = bytes(self._buffer).partition(_HEAD_END)
        if not found or self._answered is None:
            return
        _, _, length = head.lower().partition(_LENGTH)
        if len(body) >= int(length.partition(b"\r\n")[0]):
            self._buffer.clear()
            self._answered.set_result(head)

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits learns of it."""
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(exc or ConnectionError("closed"))

    async def send(self, request: bytes) -> int:
        """The status that a request is answered with."""
        assert self._transport is not None
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        head = await self._answered
        return int(head[9:12])

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


class UnexpectedStatusError(Exception):
    """The system under load answered something else."""


async def closed_loop(
    address: tuple[str, int], requests: Sequence[bytes], *, each: int, expected: int = 200
) -> list[float]:
    """Seconds of every answer: one connection for each request, which is sent `each` times on it.

    Raises:
        UnexpectedStatusError: a status other than `expected`.
    """
    loop = asyncio.get_running_loop()
    connections = [(await loop.create_connection(Connection, *address))[1] for _ in requests]
    try:
        runs = zip(connections, requests, strict=True)
        times = await asyncio.gather(*(_repeat(one, text, each, expected=expected) for one, text in runs))
    finally:
        for connection in connections:
            connection.close()
    return [seconds for run in times for seconds in run]


async def _repeat(connection: Connection, request: bytes, count: int, *, expected: int) -> list[float]:
    times = []
    for _ in range(count):
        started = time.perf_counter()
        status = await connection.send(request)
        times.append(time.perf_counter() - started)
        if status != expected:
            raise UnexpectedStatusError(status)
    return times
