"""A new password in headless Chromium: seen while it is typed, checked by axe, and used at once."""

from dataclasses import replace

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.journeys.people import new_person
from tests.journeys.windows import Window, window_of_a_browser
from tests.journeys.world import World

_NEW = "Quetzal-7-Canary!"


async def _type(window: Window, password: str, again: str | None = None) -> None:
    await window.page.get_by_label("New password", exact=True).fill(password)
    await window.page.get_by_label("New password, once more").fill(password if again is None else again)


@pytest.mark.parametrize("javascript", [True, False])
async def test_a_person_changes_their_password(world: World, *, javascript: bool) -> None:
    """A slip and a refusal stand beside the field; the new password lets in; no page has a violation."""
    flags = {"waystation_require": "password:1", "waystation_skip": "idproof"}
    person = await world.tenant.add(new_person(), app_metadata=flags)
    async with window_of_a_browser(javascript=javascript) as window:
        await window.log_in(world, person)
        await window.press("This is my login, go on")
        await _type(window, _NEW, again="something else")
        if javascript:
            await window.page.get_by_label("Show what I type").check()
            await expect(window.page.locator("#new_password")).to_have_attribute("type", "text")
        await window.press("Change the password")
        await expect(window.page.locator("#new_password_again-error")).to_contain_text("not the same")
        await expect(window.page.locator("#new_password")).to_have_value("")
        await _type(window, "short")
        await window.press("Change the password")
        await expect(window.page.locator("#new_password-error")).to_contain_text("too easy to guess")
        if javascript:
            assert (await Axe().run(window.page)).response["violations"] == []
        await _type(window, _NEW)
        await window.press("Change the password")
        await expect(window.page.get_by_role("heading")).to_have_text("Your password is changed")
        await window.page.get_by_role("link", name="Log in").click()
        await window.page.get_by_label("Email address").fill(person.email)
        await window.page.get_by_label("Password").fill(replace(person, password=_NEW).password)
        await window.press("Continue")
        await window.assert_logged_in()
        assert window.complaints == []
        assert not any(_NEW in address for address in window.addresses)
