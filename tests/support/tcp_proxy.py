"""A line to a server that a test can hold, cut and close for new connections."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

_HOST = "127.0.0.1"
_CHUNK = 65536


class TcpProxy:
    """Passes bytes both ways; `url()` is an address of the server that leads through it."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._open = asyncio.Event()
        self._open.set()
        self._refuses = False
        self._lines: set[asyncio.Task[None]] = set()
        self._port = 0
        self.refused = 0

    @classmethod
    @asynccontextmanager
    async def to(cls, url: str, *, tls: ssl.SSLContext | None = None) -> AsyncIterator["TcpProxy"]:
        """A proxy to the server of `url`, encrypted if `tls` is given; closed with all lines at the end."""
        parts = urlsplit(url)
        proxy = cls((parts.hostname or _HOST, parts.port or 0))
        server = await asyncio.start_server(proxy._serve, _HOST, 0, ssl=tls)
        proxy._port = server.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            server.close()
            await proxy.cut()
            await server.wait_closed()

    def url(self, url: str) -> str:
        """The same URL with the proxy's port."""
        _, port = self._target
        return url.replace(f":{port}/", f":{self._port}/")

    @property
    def connections(self) -> int:
        return len(self._lines)

    def hold(self) -> None:
        """Let nothing through any more, and close nothing: a network that swallows packets."""
        self._open.clear()

    def release(self) -> None:
        """Pass on what was held."""
        self._open.set()

    async def refuse(self) -> None:
        """Cut everything, and every new connection at once: a server that is down."""
        self._refuses = True
        await self.cut()

    def accept(self) -> None:
        self._refuses = False

    async def cut(self) -> None:
        """End every connection without a word of the protocol."""
        lines = tuple(self._lines)
        for line in lines:
            line.cancel()
        await asyncio.gather(*lines, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = asyncio.create_task(self._carry(reader, writer))
        self._lines.add(line)
        line.add_done_callback(self._lines.discard)
        # A line that is cut before it begins has nobody else to close it.
        line.add_done_callback(lambda _: writer.transport.abort())
        await asyncio.wait({line})

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            if self._refuses:
                self.refused += 1
            else:
                far_reader, far_writer = await asyncio.open_connection(*self._target)
                ways = [
                    asyncio.create_task(self._copy(reader, far_writer)),
                    asyncio.create_task(self._copy(far_reader, writer)),
                ]
                try:
                    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for way in ways:
                        way.cancel()
                    far_writer.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK):
                await self._open.wait()
                writer.write(chunk)
                await writer.drain()
