"""What other sites can do to our pages in a real browser: frame, post, load ahead, read where it was."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from aiohttp import web
from playwright.async_api import Error, Page, Request, expect

from tests.attacks.scene import Scene, Victim
from tests.journeys.people import passport
from tests.journeys.windows import window_of_a_browser
from tests.support.ports import free_port

_EVIL_HOST = "127.0.0.9"


@dataclass
class EvilSite:
    """A site of somebody else, at an address of its own."""

    origin: str
    pages: dict[str, str] = field(default_factory=dict)

    async def serve(self, request: web.Request) -> web.Response:
        return web.Response(text=self.pages.get(request.path, "evil"), content_type="text/html")


@asynccontextmanager
async def _evil_site() -> AsyncIterator[EvilSite]:
    port = free_port(_EVIL_HOST)
    site, app = EvilSite(f"http://{_EVIL_HOST}:{port}"), web.Application()
    app.router.add_get("/{any:.*}", site.serve)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, _EVIL_HOST, port).start()
        yield site
    finally:
        await runner.cleanup()


async def _take_along(page: Page, victim: Victim) -> None:
    """Put the victim's cookies into the browser, as if the login had been claimed there."""
    secure = victim.client.origin.replace("http:", "https:")  # what browsers take this address for
    await page.context.add_cookies(
        [
            {"name": name, "value": value, "url": secure, "sameSite": "Lax", "secure": True, "httpOnly": True}
            for name, value in victim.client.cookies.items()
        ]
    )
    await page.goto(victim.client.origin + victim.address)
    await expect(page.get_by_role("heading")).to_have_text("Your identity document")


async def test_other_sites_get_no_hold_of_a_page(scene: Scene) -> None:
    """41, 49, 59: frames and objects stay empty, foreign forms are refused, loading ahead claims nothing."""
    victim, ahead = await scene.begun(), scene.mint.link()
    ours = victim.client.origin
    places = (ours + victim.address, ours + victim.link.target(), f"{ours}/nowhere")
    link = json.dumps(ours + ahead.target())
    async with _evil_site() as evil, window_of_a_browser() as window:
        page = window.page
        await _take_along(page, victim)
        frames = "".join(
            f'<iframe src="{place}"></iframe><object data="{place}"></object><embed src="{place}">'
            for place in places
        )
        evil.pages["/frames"] = f'{frames}<iframe src="/inner" id="inner"></iframe>'
        await page.goto(f"{evil.origin}/frames")
        shown = [frame.url for frame in page.frames if frame is not page.main_frame]
        assert f"{evil.origin}/inner" in shown
        assert [url for url in shown if url.startswith(ours)] == []
        texts = []
        for frame in page.frames:
            with suppress(Error):  # what was refused goes, also while it is looked at
                texts.append(await frame.evaluate("document.documentElement.innerText"))
        assert texts
        assert not [text for text in texts if "identity" in text]
        ahead_of_time = json.dumps(
            {name: [{"urls": [ours + ahead.target()]}] for name in ("prefetch", "prerender")}
        )
        evil.pages["/ahead"] = (
            f"<link rel=prefetch href={link}><img src={link}>"
            f"<script>fetch({link}, {{mode: 'no-cors', credentials: 'include'}})</script>"
            f'<script type="speculationrules">{ahead_of_time}</script>'
        )
        await page.goto(f"{evil.origin}/ahead", wait_until="networkidle")
        for act in ("stop", "idproof/decline", "claim"):
            evil.pages["/form"] = (
                f'<form method=post action="{ours}{victim.address}/{act}">'
                f'<input name=csrf value="{victim.csrf}"><button>Win a car</button></form>'
            )
            async with page.expect_response(lambda answer: answer.request.method == "POST") as answered:
                await page.goto(f"{evil.origin}/form")
                await page.get_by_role("button").click()
            assert (await answered.value).status == 403
        await page.goto(ours + victim.address)
        await expect(page.get_by_role("heading")).to_have_text("Your identity document")
    later = await scene.arrived(ahead)
    assert await scene.status(later) == "opened"
    assert (await later.press("claim")).status == 303


async def test_no_address_tells_a_token(scene: Scene) -> None:
    """54: after the arrival no address has a token, and nobody is told where the browser was."""
    world = scene.world
    person = await world.person()
    seen: list[Request] = []
    async with window_of_a_browser() as window:
        window.page.context.on("request", lambda request: seen.append(request))  # noqa: PLW0108 - Playwright marks what it is given
        await window.log_in(world, person)
        await window.press("This is my login, go on")
        await window.type_document(passport(person))
        await window.assert_logged_in()
        headers = [(request, await request.all_headers()) for request in seen]
    ours, tenant = scene.stack.origins.gateway, scene.stack.origins.tenant
    with_token = [request.url for request in seen if "session_token=" in request.url or "eyJ" in request.url]
    assert with_token
    assert all(url.startswith(f"{ours}/start/") for url in with_token)
    referrers = {(request.url, said["referer"]) for request, said in headers if "referer" in said}
    assert [pair for pair in referrers if "session_token" in pair[1]] == []
    assert [pair for pair in referrers if pair[1].startswith(ours) and not pair[0].startswith(ours)] == []
    (resumed,) = [
        (request, said) for request, said in headers if request.url.startswith(f"{tenant}/continue")
    ]
    assert resumed[0].method == "POST"
    assert "referer" not in resumed[1]
    assert _is_posted(resumed[0], "session_token")


def _is_posted(request: Request, name: str) -> bool:
    return f"{name}=" in (request.post_data or "")
