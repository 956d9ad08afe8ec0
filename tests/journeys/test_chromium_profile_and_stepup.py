"""A profile and a code by mail in headless Chromium, with a person's clicks and without JavaScript."""

from playwright.async_api import expect

from tests.journeys.people import new_person
from tests.journeys.windows import window_of_a_browser
from tests.journeys.world import World
from tests.support.waiting import wait_until


async def test_a_person_completes_their_profile(world: World) -> None:
    """A slip stands beside its field, the country is found by its name, and the rest goes by itself."""
    flags = {"waystation_require": "profile:1", "waystation_skip": "idproof"}
    person = await world.tenant.add(new_person(), app_metadata=flags, user_metadata={})
    async with window_of_a_browser() as window:
        await window.log_in(world, person)
        await window.press("This is my login, go on")
        await window.page.get_by_label("Date of birth").fill("1974-08-12")
        await window.page.get_by_label("Telephone").fill("12")
        await window.page.get_by_label("Country").select_option(label="Sweden")
        await window.press("Save and go on")
        await expect(window.page.get_by_role("alert")).to_contain_text("no telephone number")
        await window.page.get_by_label("Telephone").fill("08 123 456 78")
        await window.press("Save and go on")
        await window.assert_logged_in()
        assert window.complaints == []
    user = await world.tenant.user(person)
    assert user["user_metadata"]["country"] == "SE"


async def test_a_person_types_the_code_without_javascript(world: World) -> None:
    """The code from the mail is typed and sent; nothing of it needs a script."""
    flags = {"waystation_require": "stepup:1", "waystation_skip": "idproof"}
    person = await world.tenant.add(new_person(), app_metadata=flags)
    async with window_of_a_browser(javascript=False) as window:
        await window.log_in(world, person)
        await window.press("This is my login, go on")
        await window.page.get_by_label("The code from the mail").fill(
            await world.inbox(person).code_that_comes()
        )
        await window.press("Confirm")

        async def confirmed() -> bool:
            return "waystation_stepup" in await world.tenant.app_metadata(person)

        await wait_until(confirmed, 20.0, what="the result in the tenant")
        await window.page.reload()
        await window.press("Go back to Acme Bank")
        await window.press("Go on")
        await window.assert_logged_in()
