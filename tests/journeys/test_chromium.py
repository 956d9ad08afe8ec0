"""Whole logins in headless Chromium, with a person's clicks."""

import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date

import pytest
from playwright.async_api import ConsoleMessage, Error, Frame, Page, async_playwright, expect

from tests.journeys.control import PASSED, SEEN, STEP, told
from tests.journeys.people import passport
from tests.journeys.variants import where
from tests.journeys.world import World
from tests.support.demo_tenant import Person

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_PATIENCE = 20_000
_ROOM = "at => ({beside: at.scrollWidth - at.clientWidth, below: at.scrollHeight - at.clientHeight})"
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
    async with async_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_FLAGS)
        async with await launched as browser:
            context = await browser.new_context(java_script_enabled=javascript)
            context.set_default_timeout(_PATIENCE)
            expect.set_options(timeout=_PATIENCE)
            yield Window(page=await context.new_page())


def _assert_clean(window: Window, world: World) -> None:
    """No policy of ours was broken, and no token was ever in the address bar while it showed us."""
    assert window.complaints == []
    ours = [address for address in window.addresses if address.startswith(world.stack.origins.gateway)]
    assert ours
    assert [address for address in ours if _TOKENS.search(address)] == []


@where(double_continue="invalid_request")
async def test_a_person_passes(world: World) -> None:
    """Claim and document are all that a person does; the rest goes by itself, also after a step back."""
    person = await world.person()
    async with window_of_a_browser() as window:
        await window.log_in(world, person)
        await expect(window.page.locator("dl")).to_contain_text(f"{person.email[0]}***@acme.example")
        await window.press("This is my login, go on")
        await window.type_document(passport(person))
        await window.assert_logged_in()
        _assert_clean(window, world)
        await window.page.go_back()
        await expect(window.page.get_by_role("heading")).to_have_text("That worked")
        await window.press("Go back to Acme Bank")
        await window.assert_logged_in()
        _assert_clean(window, world)
    metadata = await world.tenant.app_metadata(person)
    assert told(metadata[STEP]) == PASSED
    assert metadata == {STEP: metadata[STEP], SEEN: metadata[STEP]}
    assert len(await world.rows.verifications(person)) == 1


async def test_a_person_mistypes_and_fails(world: World) -> None:
    """A slip is shown beside the form; a document of somebody else ends the login at a page that says why."""
    person = await world.person()
    wrong = passport(person, birth_date=date(1981, 2, 3))
    async with window_of_a_browser() as window:
        await window.log_in(world, person)
        await window.press("This is my login, go on")
        await window.type_document(wrong.replace("XR5830417", "XR5830418"))
        await expect(window.page.get_by_role("alert")).to_contain_text(
            "the check digit of the document number"
        )
        await window.type_document(wrong)
        await expect(window.page.get_by_role("heading")).to_have_text("Your identity could not be confirmed")
        await window.press("Go back to Acme Bank")
        await window.assert_refused("waystation_idproof_failed")
    metadata = await world.tenant.app_metadata(person)
    assert metadata[SEEN]["status"] == "failed"


async def test_a_reload_costs_nothing(world: World) -> None:
    """After a slip a reload, which sends the form again, and a click into the address bar cost no attempt."""
    person = await world.person()
    async with window_of_a_browser() as window:
        await window.log_in(world, person)
        await window.press("This is my login, go on")
        await expect(window.page.locator("#mrz-help")).to_contain_text("You have 5 attempts left.")
        await window.type_document(passport(person).replace("XR5830417", "XR5830418"))
        for _ in range(3):
            await expect(window.page.get_by_role("alert")).to_contain_text("You have 4 attempts left.")
            await window.page.reload()
        await window.page.goto(window.page.url)
        await expect(window.page.get_by_role("heading")).to_have_text("Your identity document")
        await expect(window.page.locator("#mrz-help")).to_contain_text("You have 4 attempts left.")
        await window.type_document(passport(person))
        await window.assert_logged_in()
        _assert_clean(window, world)


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 800)])
async def test_lines_of_a_document_stay_lines(world: World, width: int, height: int) -> None:
    """The 44 characters of a passport's line fit in, on a phone too; a longer one scrolls; three are seen."""
    person = await world.person()
    async with window_of_a_browser() as window:
        await window.page.set_viewport_size({"width": width, "height": height})
        await window.log_in(world, person)
        await window.press("This is my login, go on")
        field = window.page.locator("textarea#mrz")
        await field.fill("\n".join(["W" * 44] * 3))
        assert await field.evaluate(_ROOM) == {"beside": 0, "below": 0}
        await field.fill("\n".join(["W" * 90] * 3))
        room = await field.evaluate(_ROOM)
        assert room["beside"] > 0
        assert room["below"] == 0


async def test_a_person_declines(world: World) -> None:
    """Who does not want to goes back, is told so, and can begin again."""
    person = await world.person()
    async with window_of_a_browser() as window:
        await window.log_in(world, person)
        await window.press("This is my login, go on")
        await window.press("I do not want to do this")
        await expect(window.page.get_by_role("heading")).to_have_text("Your identity was not checked")
        await window.press("Go back to Acme Bank")
        await window.assert_refused("waystation_idproof_declined")
        _assert_clean(window, world)
        await window.page.get_by_role("link", name="Log in").click()
        await expect(window.page.get_by_role("heading")).to_have_text("Before you go on to Acme Bank")


async def test_a_person_passes_without_javascript(world: World) -> None:
    """Where no script runs, the waiting page renews itself and every page has its button."""
    person = await world.person()
    async with window_of_a_browser(javascript=False) as window:
        await window.log_in(world, person)
        await window.press("This is my login, go on")
        await window.type_document(passport(person))
        await window.press("Go back to Acme Bank")
        await window.press("Go on")
        await window.assert_logged_in()
        _assert_clean(window, world)
    metadata = await world.tenant.app_metadata(person)
    assert told(metadata[SEEN]) == PASSED


async def test_a_script_that_is_not_ours_does_not_run(world: World) -> None:
    """The policy of our pages is enforced, and this window would have heard of every breach."""
    person = await world.person()
    async with window_of_a_browser() as window:
        await window.log_in(world, person)
        with pytest.raises(Error):
            await window.page.add_script_tag(content="document.title = 'not ours'")
        assert await window.page.title() == "Before you go on to Acme Bank"
        (complaint,) = window.complaints
        assert "Content Security Policy" in complaint
