"""metadata-sync as the gateway's password step meets it: one address that answers what a test tells it to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from gateway.password_call import PasswordCalls, open_password_calls
from gateway.settings import PasswordCallSettings
from tests.support.ports import free_port

TOKEN = "token-of-the-gateway-" + "t" * 32
CHANGED = {"outcome": "changed", "code": "changed", "message": "Password changed."}


def refused(code: str) -> dict[str, str]:
    return {"outcome": "refused", "code": code, "message": "Not this one."}


class PasswordService:
    """`asked` is what it was sent; it gives `answers` one after the other, then keeps to the last."""

    def __init__(self, url: str, calls: PasswordCalls) -> None:
        self.url = url
        self.calls = calls
        self.asked: list[dict[str, Any]] = []
        self.answers: list[tuple[int, Any]] = [(200, CHANGED)]
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def handle(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        self.asked.append(await request.json())
        await self.may_answer.wait()
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if body is None and request.transport is not None:
            request.transport.abort()
        return web.json_response(body, status=status)


@asynccontextmanager
async def serving_passwords() -> AsyncIterator[PasswordService]:
    """The service at a loopback address, and the gateway's way to it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with open_password_calls(PasswordCallSettings(url=url, token=TOKEN)) as calls:
        service = PasswordService(url, calls)
        app = web.Application()
        app.router.add_post("/internal/v1/password", service.handle)
        app.router.add_post("/internal/v1/password-ticket", service.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield service
        finally:
            await runner.cleanup()
