"""The same login in Chromium: what a person would see, as pictures."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Error, Page, Request, Response, ViewportSize, async_playwright
from yarl import URL

from tests.support import chromium
from tests.support.deeds import AGAIN, ASKING, LOGGED_IN, Customer, Deed
from tests.support.errors import JourneyError
from tests.support.journey import Hop
from tests.support.outcome import Login, read_login
from tests.support.run_folder import ROOT
from tests.support.stack import Stack

_SIZE = ViewportSize(width=1100, height=760)
_PATIENCE_MS = 30_000
_MOST_PAGES = 40
# Other pages go on by themselves.
_STANDING = (*ASKING, AGAIN, LOGGED_IN)


@dataclass(kw_only=True)
class _Window:
    """One window, what it asks for, and the pictures of it so far."""

    page: Page
    names: dict[str, str]
    folder: Path
    on_hop: Callable[[Hop], None]
    on_picture: Callable[[Path], None]
    act: str = "logs in at the application"
    hops: int = 0
    pictures: int = 0
    transaction_id: str = field(default="")

    def __post_init__(self) -> None:
        self.page.on("response", self._hear)

    def _hear(self, response: Response) -> None:
        request, url = response.request, URL(response.url, encoded=True)
        if not request.is_navigation_request():
            return
        if url.path.startswith("/t/"):
            self.transaction_id = url.parts[2]
        target = response.headers.get("location")
        self.hops += 1
        hop = Hop(
            number=self.hops,
            act=self.act,
            who=self._who(url),
            method=request.method,
            path=url.path,
            status=response.status,
            what=self._on_to(url.join(URL(target, encoded=True))) if target else "a page",
            milliseconds=_took(request),
        )
        self.on_hop(hop)

    def _who(self, url: URL) -> str:
        return self.names.get(str(url.origin()), url.authority)

    def _on_to(self, target: URL) -> str:
        return f"on to the {self._who(target)}, {target.path}"

    async def stands_at(self) -> str:
        """Wait for a page that asks for something, or is the end; what it has."""
        await self.page.locator(", ".join(_STANDING)).first.wait_for()
        for place in _STANDING:
            if await self.page.locator(place).count():
                return place
        raise JourneyError(f"The browser left “{await self.page.title()}” by itself.")

    async def picture(self) -> None:
        self.pictures += 1
        who, title = self._who(URL(self.page.url)), await self.page.title()
        words = re.sub(r"[^a-z0-9]+", "-", f"{who} {title}".lower()).strip("-")
        path = self.folder / f"{self.pictures:02}-{words}.png"
        await self.page.screenshot(path=path, full_page=True)
        self.on_picture(path)

    async def do(self, deed: Deed) -> None:
        """Fill in the form as a person would, and press its button."""
        form = self.page.locator(deed.form)
        for name, value in deed.values.items():
            at = form.locator(f'[name="{name}"]').first
            kind = await at.evaluate("field => field.type")
            if kind == "checkbox":
                await at.check()
            elif kind == "select-one":
                await at.select_option(value)
            else:
                await at.fill(value)
        if deed.values:
            await self.picture()
        await self.press(f"{deed.form} button[type=submit], {deed.form} button:not([type])")

    async def press(self, button: str) -> None:
        async with self.page.expect_navigation(wait_until="commit"):
            await self.page.locator(button).first.click()


async def log_in(
    stack: Stack,
    customer: Customer,
    *,
    on_hop: Callable[[Hop], None],
    on_picture: Callable[[Path], None],
) -> Login:
    """Log the customer in, with a picture of each page that waits for them.

    Raises:
        JourneyError: a page was not what it should be.
        MissingToolError: there is no Chromium.
    """
    origins = stack.origins
    names = {origins.app: "application", origins.tenant: "tenant", origins.gateway: "gateway"}
    folder = _empty(stack.folder.path / "pictures")
    async with async_playwright() as playwright, await chromium.launch(playwright) as browser:
        context = await browser.new_context(viewport=_SIZE, locale="en")
        context.set_default_timeout(_PATIENCE_MS)
        window = _Window(
            page=await context.new_page(), names=names, folder=folder, on_hop=on_hop, on_picture=on_picture
        )
        began = time.perf_counter()
        try:
            await _walk(window, customer, f"{origins.app}/login")
            claims = await (await context.request.get(f"{origins.app}/claims")).json()
        except Error as exc:
            raise JourneyError(f"Chromium stopped at “{await window.page.title()}”: {_first(exc)}") from exc
        total_ms = round((time.perf_counter() - began) * 1000)
        return await read_login(
            stack,
            transaction_id=window.transaction_id,
            steps=customer.steps,
            total_ms=total_ms,
            claims=claims,
        )


async def _walk(window: _Window, customer: Customer, address: str) -> None:
    await window.page.goto(address)
    for _ in range(_MOST_PAGES):
        place = await window.stands_at()
        if place == LOGGED_IN:
            await window.picture()
            return
        if place == AGAIN:
            await window.picture()
            window.act = "logs in once more, since the tenant wants a login with the new password"
            await window.press(AGAIN)
            continue
        deed = await customer.deed(place)
        window.act = deed.act
        if not deed.values:
            await window.picture()
        await window.do(deed)
    raise JourneyError(f"After {_MOST_PAGES} pages nobody was logged in.")


def _empty(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    return folder


def _took(request: Request) -> float:
    """Milliseconds to the first byte, where Chromium knows."""
    return max(0.0, request.timing["responseStart"])


def _first(error: Error) -> str:
    return error.message.splitlines()[0]


def shown(path: Path) -> str:
    """How a person names the file."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
