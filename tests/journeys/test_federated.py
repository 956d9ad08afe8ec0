"""A profile of somebody who logs in with Google: whose values they are, and where corrections go."""

import json
from typing import Any

from playwright.async_api import expect

from tests.journeys.browser import IDENTITY, LOGGED_IN, Browser, reason_of
from tests.journeys.control import SEEN, STEP
from tests.journeys.people import honest, new_person
from tests.journeys.windows import window_of_a_browser
from tests.journeys.world import CLAIM, World
from tests.support.demo_tenant import Person
from tests.support.journey import Page

_FORM = "form#profile"
_FLAGS = {"waystation_require": "profile:1", "waystation_skip": "idproof"}
_TOLD = ("given_name", "family_name", "birthdate", "phone_number", "country", "news")
# What a tenant sets that asks for these fields.
_FIELDS = ",".join(["given_name", "family_name", *(f"user_metadata.{name}" for name in _TOLD)])


async def _written(world: World, person: Person) -> list[tuple[int | None, Any]]:
    """Our writes of what is personal, and the tenant's answers."""
    calls = [(call.status, json.loads(call.body)) for call in await world.tenant.patches(person)]
    return [(status, body) for status, body in calls if "app_metadata" not in body]


def _of_google() -> Person:
    new = new_person()
    return new_person(user_id=new.user_id.replace("auth0|", "google-oauth2|"), email=new.email)


async def test_google_says_and_the_person_corrects(world: World) -> None:
    """Corrections of what Google says stay where a login does not undo them, and are read in the next one."""
    async with world.other_tenant({"PROFILE_FIELDS": _FIELDS}):
        person = await world.tenant.add(_of_google(), given_name="Ana", app_metadata=_FLAGS)
        browser = await world.browser()
        page = await browser.log_in(honest(person), to=_FORM)
        assert "Google has told Acme this about you." in page.form(_FORM).get_text()
        shown = {name: page.form(f"#p_{name}")["value"] for name in ("given_name", "family_name")}
        assert shown == {"given_name": "Ana", "family_name": "Eriksson"}
        answers = {"p_given_name": "Anna", "p_country": "SE", "p_phone_number": "08 123 456 78"}
        page = await browser.walk(await browser.submit(page, _FORM, answers), honest(person))
        assert page.has(LOGGED_IN)
        told = {"given_name": "Anna", "country": "SE", "phone_number": "+46812345678", "news": False}
        refused, taken = (400, {"given_name": "Anna"}), (200, {"user_metadata": told})
        assert await _written(world, person) == [refused, taken]
        user = await world.tenant.user(person)
        assert (user["given_name"], user["user_metadata"]["given_name"]) == ("Ana", "Anna")

        # A year later: what they told themselves is not asked again, what only Google says is.
        await world.tenant.change(person, app_metadata=_FLAGS)
        async with window_of_a_browser() as window:
            await window.log_in(world, person)
            await window.press("This is my login, go on")
            await expect(window.page.get_by_role("main")).to_contain_text("Google has told Acme this")
            assert await window.page.get_by_label("Given name").count() == 0
            assert await window.page.get_by_label("Country").count() == 0
            await window.page.get_by_label("Family name").fill("Ericsson")
            await window.press("Save and go on")
            await window.assert_logged_in()
            assert window.complaints == []
        assert (await _written(world, person))[-1] == (200, {"user_metadata": {"family_name": "Ericsson"}})
        user = await world.tenant.user(person)
        assert (user["family_name"], user["user_metadata"]["family_name"]) == ("Eriksson", "Ericsson")
        assert user["user_metadata"]["given_name"] == "Anna"


async def _corrects_their_name(world: World, person: Person) -> tuple[Browser, Page]:
    """Google calls them Beate; they tell the step `profile` what their passport says, and then show it."""
    browser = await world.browser()
    page = await browser.log_in(honest(person), to=_FORM)
    answers = {"p_given_name": person.given_name, "p_country": "SE"}
    page = await browser.submit(page, _FORM, answers)
    assert page.has(IDENTITY)
    return browser, await browser.walk(page, honest(person))


async def test_a_corrected_name_is_proved(world: World) -> None:
    """Where the tenant compares with what people tell, then and later; the level says what it is worth."""
    settings = {"PROFILE_FIELDS": _FIELDS, "STEPS": "profile:1,idproof:1"}
    told = {"revision": 1, "valid_for": "365d", "allow_document_validated": True, "compare_with": "told"}
    async with world.other_tenant(settings):
        refused = await world.tenant.add(_of_google(), given_name="Beate")
        _, page = await _corrects_their_name(world, refused)
        assert reason_of(page) == "waystation_idproof_failed"
        assert (await world.tenant.app_metadata(refused))[SEEN]["reason"] == "name_mismatch"

        async with world.retuned(changes={"steps": {"idproof": told}}):
            person = await world.tenant.add(_of_google(), given_name="Beate")
            browser, page = await _corrects_their_name(world, person)
            assert page.has(LOGGED_IN)
            metadata = await world.tenant.app_metadata(person)
            assert (metadata[STEP]["status"], metadata[STEP]["level"]) == ("passed", "self_asserted")
            assert (await browser.claims() or {})[CLAIM]["level"] == "self_asserted"

            profile = {key: value for key, value in metadata.items() if "profile" in key}
            await world.tenant.change(person, app_metadata=profile)
            later = await world.browser()
            page = await later.log_in(honest(person))
            assert page.has(LOGGED_IN)
            assert (await world.tenant.app_metadata(person))[SEEN]["level"] == "self_asserted"
            user = await world.tenant.user(person)
            assert (user["given_name"], user["user_metadata"]["given_name"]) == ("Beate", person.given_name)
