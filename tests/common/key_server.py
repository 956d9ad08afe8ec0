"""A server of key sets: what it answers is the test's choice, and it counts who asks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web


class KeyServer:
    """Answers `/jwks.json` with `body`, once `gate` is open."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.status = 200
        self.headers: dict[str, str] = {}
        self.requests = 0
        self.elsewhere = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.origin = ""

    @property
    def url(self) -> str:
        return f"{self.origin}/jwks.json"

    async def answer(self, _request: web.Request) -> web.Response:
        self.requests += 1
        await self.gate.wait()
        return web.Response(body=self.body, status=self.status, headers=self.headers)

    async def other(self, _request: web.Request) -> web.Response:
        self.elsewhere += 1
        return web.Response(body=self.body)


@asynccontextmanager
async def serving_keys(body: bytes, *, host: str = "127.0.0.1") -> AsyncIterator[KeyServer]:
    """A key server on a free port of that address."""
    server = KeyServer(body)
    app = web.Application()
    app.router.add_get("/jwks.json", server.answer)
    app.router.add_get("/elsewhere", server.other)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, host, 0).start()
    server.origin = f"http://{host}:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        server.gate.set()
        await runner.cleanup()
