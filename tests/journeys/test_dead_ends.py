"""Wherever a login stops short, a page says so and leads on: what a person sees of it in Chromium."""

import pytest
from playwright.async_api import expect
from yarl import URL

from tests.journeys.people import passport
from tests.journeys.windows import Window, window_of_a_browser
from tests.journeys.world import World, restart

_AGAIN = "Start again at the application"
_START = "Before you go on to Acme Bank"


async def assert_stands(window: Window, heading: str) -> None:
    await expect(window.page.get_by_role("heading", level=1)).to_have_text(heading)


async def start_again(window: Window) -> None:
    await window.page.get_by_role("link", name=_AGAIN).click()


async def run_out(world: World, login: str) -> None:
    """Let time pass until the login's deadline."""
    await world.rows.all(
        "UPDATE gateway.transactions SET deadline = now(), wake_at = now() WHERE id = $1 RETURNING id", login
    )


def login_of(window: Window) -> str:
    """The id in /t/{id}."""
    return window.page.url.rpartition("/t/")[2]


@pytest.mark.logs("login.expired")
async def test_a_login_that_has_expired_begins_again_at_the_application(world: World) -> None:
    """The page says how long a login lasts; after that it leads to the application, and on to a new login."""
    person = await world.person()
    async with window_of_a_browser() as window:
        await window.log_in(world, person)
        await expect(window.page.locator("[data-until]")).to_contain_text("minutes")
        await window.press("This is my login, go on")
        await assert_stands(window, "Your identity document")
        await expect(window.page.locator("[data-until]")).to_contain_text("minutes")
        await run_out(world, login_of(window))
        await window.type_document(passport(person))
        await assert_stands(window, "This login has expired")
        await start_again(window)
        await assert_stands(window, _START)
        await window.press("This is my login, go on")
        await window.type_document(passport(person))
        await window.assert_logged_in()


async def test_a_browser_that_keeps_no_cookies_is_told_so(world: World) -> None:
    """Whose browser has lost our cookie learns that it needs it, and begins again where it works."""
    person = await world.person()
    async with window_of_a_browser() as window:
        await window.log_in(world, person)
        await window.page.context.clear_cookies(domain=URL(world.stack.origins.gateway).host)
        await window.press("This is my login, go on")
        await assert_stands(window, "This browser has no cookie for this login")
        await start_again(window)
        await assert_stands(window, _START)


async def test_another_device_and_another_tab(world: World) -> None:
    """A login opens in a second tab of its browser; another device is led to a login of its own."""
    person = await world.person()
    async with window_of_a_browser() as window, window_of_a_browser() as other:
        await window.log_in(world, person)
        address = window.page.url
        await window.press("This is my login, go on")
        await other.page.goto(address)
        await assert_stands(other, "This browser has no cookie for this login")
        await other.page.get_by_role("link", name=_AGAIN).click()
        await expect(other.page.get_by_label("Email address")).to_be_visible()
        tab = Window(page=await window.page.context.new_page())
        await tab.page.goto(address)
        await tab.type_document(passport(person))
        await tab.assert_logged_in()
        await window.type_document(passport(person))
        await assert_stands(window, "That worked")
        assert len(await world.rows.verifications(person)) == 1


async def test_a_link_that_fits_nobody(world: World) -> None:
    """An organisation that we do not know, an address that is none: each page says where to go."""
    gateway = world.stack.origins.gateway
    async with window_of_a_browser() as window:
        for path, heading in (
            ("/start/nobody/login?state=s&session_token=a.b.c", "We do not know this organisation"),
            ("/start/acme/login?state=s", "This link is not complete"),
            (f"/t/{'A' * 22}", "There is nothing here"),
        ):
            await window.page.goto(f"{gateway}{path}")
            await assert_stands(window, heading)
            await expect(window.page.get_by_role("main")).to_contain_text("Go back to the application")


async def test_a_service_that_is_away(world: World) -> None:
    """While a service is away the page says what is waited for; when it is back, the page goes on."""
    person = await world.person()
    async with window_of_a_browser() as window:
        await window.log_in(world, person)
        await window.press("This is my login, go on")
        for name in ("proofing", "metadata-sync"):
            world.stack.end(name)
        try:
            await window.type_document(passport(person))
            await expect(window.page.locator(".wait")).to_be_visible()
            await expect(window.page.get_by_role("link", name="Stop here")).to_be_visible()
        finally:
            restart(world.stack, "proofing", "metadata-sync")
        await window.assert_logged_in()
