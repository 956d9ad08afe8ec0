"""What stands in front of replicas: each new connection goes to the next of those that are ready.

It learns who is ready as balancers do, by asking `/readyz` again and again; a connection that is open stays
where it is, to its end.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp

_LOOK_SECONDS = 0.2
_LOOK_TIMEOUT = aiohttp.ClientTimeout(total=5)
_CHUNK = 65536


@dataclass(eq=False)
class Backend:
    """One replica: `serves` takes connections, `admin` is the origin that tells of its health."""

    serves: tuple[str, int]
    admin: str
    is_deleted: bool = False
    is_ready: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_in(self) -> bool:
        return self.is_ready.is_set() and not self.is_deleted


class Balancer:
    """`refused` counts connections for which there was nobody."""

    def __init__(self) -> None:
        self._looks: dict[Backend, asyncio.Task[None]] = {}
        self._lines: set[asyncio.Task[None]] = set()
        self._turn = 0
        self.refused = 0

    @asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncIterator[None]:
        """Take connections while the block runs; those that are open then are cut."""
        server = await asyncio.start_server(self._take, host, port)
        try:
            yield
        finally:
            server.close()
            tasks = {*self._lines, *self._looks.values()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def follow(self, backend: Backend) -> None:
        """Ask it for its health from now on; it is in as soon as it is ready."""
        self._looks[backend] = asyncio.create_task(_follow(backend))

    def forget(self, backend: Backend) -> None:
        self._looks.pop(backend).cancel()

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = asyncio.create_task(self._carry(reader, writer))
        self._lines.add(line)
        line.add_done_callback(self._lines.discard)

    def _next(self) -> Backend | None:
        able = [backend for backend in self._looks if backend.is_in]
        self._turn += 1
        return able[self._turn % len(able)] if able else None

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        backend = self._next()
        try:
            if backend is None:
                self.refused += 1
                return
            with suppress(OSError):
                far_reader, far_writer = await asyncio.open_connection(*backend.serves)
                there = asyncio.create_task(_copy(reader, far_writer))
                back = asyncio.create_task(_copy(far_reader, writer))
                try:
                    await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    there.cancel()
                    back.cancel()
                    far_writer.close()
        finally:
            writer.close()


async def _follow(backend: Backend) -> None:
    async with aiohttp.ClientSession(timeout=_LOOK_TIMEOUT) as session:
        while True:
            if await _answers_ok(session, f"{backend.admin}/readyz"):
                backend.is_ready.set()
            else:
                backend.is_ready.clear()
            await asyncio.sleep(_LOOK_SECONDS)


async def _answers_ok(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as response:
            return response.ok
    except (aiohttp.ClientError, TimeoutError):
        return False


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
