"""Three steps in one redirect: terms, then profile, then idproof; what is kept where it is interrupted."""

import pytest
from playwright.async_api import expect

from tests.journeys.browser import CLAIM, IDENTITY, LOGGED_IN, Browser, reason_of, transaction_of
from tests.journeys.people import honest, new_person, passport
from tests.journeys.windows import Window, window_of_a_browser
from tests.journeys.world import World, crash
from tests.support.demo_tenant import Person
from tests.support.journey import Page
from tests.support.stack import SERVICES

_TERMS, _PROFILE = "form#terms", "form#profile"
_THREE = ("terms", "profile", "idproof")
_ACCEPTED, _FILLED_IN = {"accept.terms_of_use": "yes"}, {"p_country": "SE"}
_CLAIMS = "https://waystation.dev/"


async def _asked_for_three(world: World) -> Person:
    """Somebody of whom the tenant wants three steps in this order."""
    flags = {"waystation_require": "terms:1,profile:1,idproof:1", "waystation_skip": "idproof"}
    return await world.tenant.add(new_person(), app_metadata=flags)


async def _begin(browser: Browser, person: Person) -> Page:
    """To the first page after the claim."""
    page = await browser.begin(honest(person))
    return await browser.submit(page, CLAIM)


def _at(page: Page) -> tuple[str, str]:
    """Which form stands there, and how far the page says that the login is."""
    form = next(form for form in (_TERMS, _PROFILE, IDENTITY) if page.has(form))
    return form, page.form(".progress").get_text(strip=True)


async def _assert_all_passed(world: World, browser: Browser, person: Person) -> None:
    """Once each, at the tenant, as the Action has seen it, and in the token."""
    metadata = await world.tenant.app_metadata(person)
    claims = await browser.claims()
    assert claims is not None
    for step in _THREE:
        ours = metadata[f"waystation_{step}"]
        assert ours == metadata[f"waystation_{step}_seen"]
        assert (ours["status"], ours["rev"]) == ("passed", 1)
        assert claims[f"{_CLAIMS}{step}"]["status"] == "passed"
    assert (await world.tenant.user(person))["user_metadata"]["country"] == "SE"


@pytest.mark.logs("step.taken_over")
async def test_a_login_is_taken_up_where_it_was_left(world: World) -> None:
    """What is done stays done after a reload and in a new login of this browser, and in no other browser."""
    person, browser, other = await _asked_for_three(world), await world.browser(), await world.browser()
    page = await _begin(browser, person)
    assert _at(page) == (_TERMS, "Step 1 of 3")
    page = await browser.submit(page, _TERMS, _ACCEPTED)
    assert _at(page) == (_PROFILE, "Step 2 of 3")
    assert _at(await browser.reload()) == (_PROFILE, "Step 2 of 3")
    first = transaction_of(page)

    page = await _begin(browser, person)
    assert transaction_of(page) != first
    assert _at(page) == (_PROFILE, "Step 2 of 3")
    assert _at(await _begin(other, person)) == (_TERMS, "Step 1 of 3")

    page = await browser.submit(page, _PROFILE, _FILLED_IN)
    assert _at(page) == (IDENTITY, "Step 3 of 3")
    assert _at(await browser.reload()) == (IDENTITY, "Step 3 of 3")

    page = await _begin(browser, person)
    assert _at(page) == (IDENTITY, "Step 3 of 3")
    assert (await browser.walk(page, honest(person))).has(LOGGED_IN)
    await _assert_all_passed(world, browser, person)


async def test_who_stops_in_the_second_step(world: World) -> None:
    """Whoever stops is told what that means and refused by name; what they had done is not asked again."""
    person, browser = await _asked_for_three(world), await world.browser()
    page = await browser.submit(await _begin(browser, person), _TERMS, _ACCEPTED)
    page = await browser.open(f"{page.url}/stop")
    assert "Do you want to stop here?" in page.form("main").get_text()
    page = await browser.walk(await browser.submit(page, "form#stop"), honest(person))
    assert reason_of(page) == "waystation_profile_abandoned"
    metadata = await world.tenant.app_metadata(person)
    assert metadata["waystation_terms"]["status"] == "passed"
    assert not {"waystation_profile", "waystation_idproof", "waystation_profile_seen"} & metadata.keys()
    page = await _begin(await world.browser(), person)
    assert _at(page) == (_PROFILE, "Step 1 of 2")


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_dies_between_the_steps(world: World, service: str) -> None:
    """Whichever service is killed after each step, the login goes on, and each result is there once."""
    person, browser = await _asked_for_three(world), await world.browser()
    page = await browser.submit(await _begin(browser, person), _TERMS, _ACCEPTED)
    crash(world.stack, service)
    assert _at(await browser.reload()) == (_PROFILE, "Step 2 of 3")
    page = await browser.submit(page, _PROFILE, _FILLED_IN)
    crash(world.stack, service)
    assert _at(await browser.reload()) == (IDENTITY, "Step 3 of 3")
    assert (await browser.walk(page, honest(person))).has(LOGGED_IN)
    await _assert_all_passed(world, browser, person)
    assert len(await world.rows.transactions(person)) == 1


async def _assert_at(window: Window, heading: str, progress: str) -> None:
    await expect(window.page.get_by_role("heading", level=1)).to_have_text(heading)
    await expect(window.page.locator(".progress")).to_have_text(progress)


async def test_in_chromium_while_services_die(world: World) -> None:
    """In a browser window the three steps follow each other, although every service is killed on the way."""
    person = await _asked_for_three(world)
    async with window_of_a_browser() as window:
        await window.log_in(world, person)
        await window.press("This is my login, go on")
        await _assert_at(window, "Please read and accept", "Step 1 of 3")
        await window.page.get_by_label("I accept: Terms of use").check()
        crash(world.stack, "gateway")
        await window.press("Save and go on")
        await _assert_at(window, "Your details", "Step 2 of 3")
        crash(world.stack, "metadata-sync")
        await window.page.get_by_label("Country").select_option(label="Sweden")
        await window.press("Save and go on")
        await _assert_at(window, "Your identity document", "Step 3 of 3")
        crash(world.stack, "proofing")
        await window.type_document(passport(person))
        await window.assert_logged_in()
        assert window.complaints == []
    metadata = await world.tenant.app_metadata(person)
    assert [metadata[f"waystation_{step}_seen"]["status"] for step in _THREE] == ["passed"] * 3
