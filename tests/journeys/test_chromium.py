"""Whole logins in headless Chromium, with a person's clicks."""

from datetime import date

import pytest
from playwright.async_api import Error, expect

from tests.journeys.control import PASSED, SEEN, STEP, told
from tests.journeys.people import passport
from tests.journeys.variants import where
from tests.journeys.windows import assert_clean, window_of_a_browser
from tests.journeys.world import World

_ROOM = "at => ({beside: at.scrollWidth - at.clientWidth, below: at.scrollHeight - at.clientHeight})"


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
        assert_clean(window, world)
        await window.page.go_back()
        await expect(window.page.get_by_role("heading")).to_have_text("That worked")
        await window.press("Go back to Acme Bank")
        await window.assert_logged_in()
        assert_clean(window, world)
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
        assert_clean(window, world)


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
        assert_clean(window, world)
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
        assert_clean(window, world)
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
