"""A Management API that answers as a test scripts it, for what a well-behaved tenant never does."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from metadata_sync.account import Account


@dataclass(frozen=True, kw_only=True)
class Scripted:
    """One answer after `delay` seconds; `reset`: a cut connection instead; `breaks_off`: only its head.

    `dribbles`: the body comes in two pieces, a moment apart.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    delay: float = 0
    reset: bool = False
    breaks_off: bool = False
    dribbles: bool = False


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One request as it came in: `path` undecoded."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass(kw_only=True)
class ManagementServer:
    """What it was asked, and what it answers next; without a script a token or 200."""

    origin: str = ""
    seen: list[Seen] = field(default_factory=list)
    token_answers: deque[Scripted] = field(default_factory=deque)
    answers: deque[Scripted] = field(default_factory=deque)

    def account(self) -> Account:
        return Account(domain="acme.eu.auth0.com", origin=self.origin, client_id="m2m", client_secret="hush")

    def patches(self) -> list[Seen]:
        return [seen for seen in self.seen if seen.method == "PATCH"]

    def token_requests(self) -> list[Seen]:
        return [seen for seen in self.seen if seen.path == "/oauth/token"]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        seen = Seen(
            method=request.method,
            path=request.raw_path,
            headers=dict(request.headers),
            body=await request.json() if request.can_read_body else None,
        )
        self.seen.append(seen)
        return await self._give(request, self._next(seen))

    def _next(self, seen: Seen) -> Scripted:
        if seen.path != "/oauth/token":
            return self.answers.popleft() if self.answers else Scripted()
        if self.token_answers:
            return self.token_answers.popleft()
        count = len(self.token_requests())
        return Scripted(body=b'{"access_token":"token-%d","expires_in":86400}' % count)

    async def _give(self, request: web.Request, answer: Scripted) -> web.StreamResponse:
        await asyncio.sleep(answer.delay)
        if answer.reset and request.transport:
            request.transport.abort()
        if answer.breaks_off and request.transport:
            response = web.StreamResponse(headers={"Content-Length": "100"})
            await response.prepare(request)
            await response.write(b"{")
            request.transport.close()
            return response
        if answer.dribbles:
            response = web.StreamResponse(status=answer.status, headers=answer.headers)
            await response.prepare(request)
            await response.write(answer.body[:1])
            await asyncio.sleep(0.05)
            await response.write(answer.body[1:])
            return response
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)


@asynccontextmanager
async def serve_management() -> AsyncIterator[ManagementServer]:
    """Serve on a free port of loopback while the block runs."""
    server = ManagementServer()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        server.origin = f"http://{host}:{port}"
        yield server
    finally:
        await runner.cleanup()
