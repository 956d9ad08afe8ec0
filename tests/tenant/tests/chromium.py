"""A window of headless Chromium, and a place on another site for Actions to send it to."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from playwright.async_api import Page, async_playwright

_FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
_PATIENCE = 20_000
_PHONE = (390, 844)


@asynccontextmanager
async def open_window(*, javascript: bool = True) -> AsyncIterator[Page]:
    """A phone's window of a browser without cookies; what its console complains of fails the test."""
    complaints: list[str] = []
    width, height = _PHONE
    async with async_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_FLAGS)
        async with await launched as browser:
            context = await browser.new_context(
                java_script_enabled=javascript, viewport={"width": width, "height": height}
            )
            context.set_default_timeout(_PATIENCE)
            page = await context.new_page()
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on(
                "console",
                lambda message: complaints.append(message.text) if "Policy" in message.text else None,
            )
            yield page
    assert complaints == []


@asynccontextmanager
async def elsewhere(body: str = "away") -> AsyncIterator[str]:
    """The origin of a server on another site, which answers everything with one page."""

    async def answer(request: web.Request) -> web.Response:
        del request
        return web.Response(text=body, content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.3", 0).start()
        yield f"http://127.0.0.3:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
