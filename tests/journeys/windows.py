"""A person's window of headless Chromium."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from playwright.async_api import ConsoleMessage, Frame, Page, async_playwright, expect

from tests.journeys.world import World
from tests.support.chromium import launch
from tests.support.demo_tenant import Person

_PATIENCE = 20_000
_TOKENS = re.compile(r"state=|session_token=|eyJ")


@dataclass(kw_only=True)
class Window:
    """A browser window, what its console complained about, and every address that it showed."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("framenavigated", self._see)

    def _hear(self, message: ConsoleMessage) -> None:
        # A page that answers 403, and a favicon that there is not, are no fault of the page.
        if message.type in {"error", "warning"} and not message.text.startswith("Failed to load resource"):
            self.complaints.append(message.text)

    def _see(self, frame: Frame) -> None:
        if frame == self.page.main_frame:
            self.addresses.append(frame.url)

    async def press(self, name: str) -> None:
        await self.page.get_by_role("button", name=name).click()

    async def log_in(self, world: World, person: Person) -> None:
        """From the application's front page to our start page."""
        await self.page.goto(world.stack.origins.app)
        await self.page.get_by_role("link", name="Log in").click()
        await self.page.get_by_label("Email address").fill(person.email)
        await self.page.get_by_label("Password").fill(person.password)
        await self.press("Continue")
        await expect(self.page.get_by_role("heading")).to_have_text("Before you go on to Acme Bank")

    async def type_document(self, lines: str) -> None:
        await self.page.get_by_label("The machine-readable lines").fill(lines)
        await self.press("Check my document")

    async def assert_logged_in(self) -> None:
        await expect(self.page.get_by_role("button", name="Log out")).to_be_visible()

    async def assert_refused(self, reason: str) -> None:
        await expect(self.page.locator("#reason")).to_have_text(reason)


@asynccontextmanager
async def window_of_a_browser(*, javascript: bool = True) -> AsyncIterator[Window]:
    """A window of a new browser without cookies."""
    async with async_playwright() as playwright, await launch(playwright) as browser:
        context = await browser.new_context(java_script_enabled=javascript)
        context.set_default_timeout(_PATIENCE)
        expect.set_options(timeout=_PATIENCE)
        yield Window(page=await context.new_page())


def assert_clean(window: Window, world: World) -> None:
    """No policy of ours was broken, and no token was ever in the address bar while it showed us."""
    assert window.complaints == []
    ours = [address for address in window.addresses if address.startswith(world.stack.origins.gateway)]
    assert ours
    assert [address for address in ours if _TOKENS.search(address)] == []
