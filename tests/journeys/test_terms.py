"""Terms and consents in whole logins: every way to end them, over HTTP and in Chromium."""

from typing import Any

from playwright.async_api import expect

from tests.journeys.browser import CLAIM, CONTINUE, HAND_BACK, LOGGED_IN, WAIT, Browser, reason_of
from tests.journeys.people import honest, new_person
from tests.journeys.windows import window_of_a_browser
from tests.journeys.world import World
from tests.support.demo_tenant import Person
from tests.support.journey import Page

TERMS, DECLINE = "form#terms", "form#decline"
KEY, SEEN = "waystation_terms", "waystation_terms_seen"
MANDATORY = {"accept.terms_of_use": "yes"}
EVERYTHING = {**MANDATORY, "accept.news": "yes"}


async def asked_for_terms(world: World) -> Person:
    """Somebody who owes their consent, and nothing else."""
    flags = {"waystation_require": "terms:1", "waystation_skip": "idproof"}
    return await world.tenant.add(new_person(), app_metadata=flags)


async def log_in(browser: Browser, person: Person, ticked: dict[str, str]) -> Page:
    """A login in which the person ticks these boxes, to its end."""
    page = await browser.walk(await browser.begin(honest(person)), honest(person), to=TERMS)
    return await go_back(browser, person, await browser.submit(page, TERMS, ticked))


async def look_again(browser: Browser) -> Page:
    """To the page that shows the consents, by a login that asks for it."""
    page = await browser.open(f"{browser.origins.app}/login?step=terms")
    return await browser.submit(page, CLAIM)


async def go_back(browser: Browser, person: Person, page: Page) -> Page:
    while any(page.has(place) for place in (WAIT, CONTINUE, HAND_BACK)):
        page = await browser.answer(page, honest(person))
    return page


async def records(world: World, person: Person) -> tuple[dict[str, Any], dict[str, Any]]:
    metadata = await world.tenant.app_metadata(person)
    return metadata[KEY], metadata.get(SEEN, {})


async def test_accepted_and_withdrawn(world: World) -> None:
    """What is accepted lets the person in and reaches the claim; what is withdrawn counts from then on."""
    person, browser = await asked_for_terms(world), await world.browser()
    assert (await log_in(browser, person, EVERYTHING)).has(LOGGED_IN)
    ours, seen = await records(world, person)
    assert ours == seen
    assert (ours["status"], ours["details"]) == ("passed", {"terms_of_use": "2026-05", "news": "1"})
    claims = await browser.claims()
    assert claims is not None
    assert claims["https://waystation.dev/terms"]["details"] == ours["details"]

    page = await look_again(browser)
    assert [box["name"] for box in page.html.select("input[checked]")] == list(EVERYTHING)
    page = await browser.submit(page, TERMS, {"accept.news": ""})
    assert (await go_back(browser, person, page)).has(LOGGED_IN)
    optional, _ = await records(world, person)
    assert (optional["status"], optional["details"]["news"]) == ("passed", "declined 1")
    assert optional["at"] == ours["at"]

    # Something mandatory, and then the person closes the browser instead of going back.
    page = await browser.submit(await look_again(browser), TERMS, {"accept.terms_of_use": ""})
    if page.has(WAIT):
        page = await browser.look_again()
    ours, seen = await records(world, person)
    assert (ours["status"], ours["reason"], ours["jti"]) == ("declined", "withdrawn", seen["jti"])
    assert ours["rev"] > seen["rev"]
    again = await (await world.browser()).begin(honest(person))
    assert again.has(CLAIM)


async def test_optional_declined(world: World) -> None:
    """Whoever leaves out what is optional is let in, and the tenant is told that they did."""
    person, browser = await asked_for_terms(world), await world.browser()
    assert (await log_in(browser, person, MANDATORY)).has(LOGGED_IN)
    ours, seen = await records(world, person)
    assert ours == seen
    assert ours["details"] == {"terms_of_use": "2026-05", "news": "declined 1"}


async def test_mandatory_declined(world: World) -> None:
    """Whoever refuses is refused, with the reason, and asked again at the next login."""
    person, browser = await asked_for_terms(world), await world.browser()
    page = await browser.walk(await browser.begin(honest(person)), honest(person), to=TERMS)
    page = await go_back(browser, person, await browser.submit(page, DECLINE))
    assert reason_of(page) == "waystation_terms_declined"
    assert KEY not in await world.tenant.app_metadata(person)
    assert (await browser.begin(honest(person))).has(CLAIM)


async def test_in_chromium(world: World) -> None:
    """A person reads, forgets a tick, is told so, accepts, and later takes a receipt with them, twice."""
    person = await asked_for_terms(world)
    async with window_of_a_browser() as window:
        await window.log_in(world, person)
        await window.press("This is my login, go on")
        page = window.page
        await page.get_by_text("Read it").first.click()
        await expect(page.get_by_text("Pay your bills.")).to_be_visible()
        await window.press("Save and go on")
        await expect(page.get_by_role("alert")).to_contain_text("Accept “Terms of use”")
        await page.get_by_label("I accept: Terms of use").check()
        await window.press("Save and go on")
        await window.assert_logged_in()
        await page.get_by_role("link", name="What you have accepted").click()
        await window.press("This is my login, go on")
        await expect(page.get_by_label("I accept: Terms of use")).to_be_checked()
        for _ in range(2):
            async with page.expect_download() as downloading:
                await page.get_by_role("button", name="Receipt").first.click()
            download = await downloading.value
            assert download.suggested_filename.startswith("consent-receipt-")
        await expect(page.get_by_label("I accept: Terms of use")).to_be_checked()
        assert window.complaints == []
