"""Whole logins through the steps profile and stepup, as the tenant and the application see them."""

from typing import Any

import pytest

from tests.journeys.browser import LOGGED_IN, Browser, reason_of
from tests.journeys.people import honest, new_person
from tests.journeys.world import World
from tests.support.demo_tenant import Person
from tests.support.journey import Page

_PROFILE, _CODE, _DECLINE = "form#profile", "form#verify", "form#decline"


async def _person(world: World, step: str, **more: Any) -> Person:
    """Somebody of whom the tenant wants this step and no other."""
    flags = {"waystation_require": f"{step}:1", "waystation_skip": "idproof"}
    return await world.tenant.add(new_person(), app_metadata=flags, **more)


async def _to(browser: Browser, person: Person, form: str) -> Page:
    page = await browser.log_in(honest(person), to=form)
    assert page.has(form)
    return page


async def _end(browser: Browser, person: Person, page: Page) -> Page:
    return await browser.walk(page, honest(person))


@pytest.mark.logs("profile.answered")
async def test_a_profile_is_completed(world: World) -> None:
    """What was missing is asked for, and is in the user's record before the login goes on."""
    person = await _person(world, "profile", user_metadata={})
    browser = await world.browser()
    page = await _to(browser, person, _PROFILE)
    wrong = await browser.submit(page, _PROFILE, {"p_birthdate": "1974-08-12", "p_country": ""})
    assert wrong.status == 422
    answers = {
        "p_birthdate": "1974-08-12",
        "p_country": "SE",
        "p_phone_number": "08 123 456 78",
        "p_news": "yes",
    }
    page = await _end(browser, person, await browser.submit(wrong, _PROFILE, answers))
    assert page.has(LOGGED_IN)
    user = await world.tenant.user(person)
    assert user["user_metadata"] == {
        "birthdate": "1974-08-12",
        "country": "SE",
        "phone_number": "+46812345678",
        "news": True,
    }
    assert user["app_metadata"]["waystation_profile"]["status"] == "passed"
    claims = await browser.claims()
    assert claims is not None
    assert claims["https://waystation.dev/profile"]["status"] == "passed"
    again = await world.browser()
    assert (await again.log_in(honest(person))).has(LOGGED_IN)


async def test_names_of_every_script(world: World) -> None:
    """Names that are written from right to left, long ones and composed ones reach the record as they are."""
    person = await _person(world, "profile", given_name="", family_name="", name="")
    browser = await world.browser(Accept_Language="ar")
    page = await _to(browser, person, _PROFILE)
    assert page.form("html")["dir"] == "rtl"
    names = {
        "p_given_name": "\u0645\u062d\u0645\u062f \u05d3\u05d5\u05d3",
        "p_family_name": "\u6e21\u908a-Z\u0307o\u0301\u0142\u0107 "
        + "Wolfeschlegelsteinhausenbergerdorff " * 3,
    }
    answers = names | {"p_country": "SE", "p_phone_number": "08 123 456 78"}
    page = await _end(browser, person, await browser.submit(page, _PROFILE, answers))
    assert page.has(LOGGED_IN)
    user = await world.tenant.user(person)
    assert user["given_name"] == names["p_given_name"]
    composed = "\u6e21\u908a-\u017b\u00f3\u0142\u0107 "
    assert user["family_name"] == composed + " ".join(["Wolfeschlegelsteinhausenbergerdorff"] * 3)


async def test_a_code_by_mail_lets_in(world: World) -> None:
    """Who types the code from their mail is let in, also after a wrong one."""
    person = await _person(world, "stepup")
    browser = await world.browser()
    page = await _to(browser, person, _CODE)
    code = await world.inbox(person).code_that_comes()
    wrong = await browser.submit(page, _CODE, {"code": f"{(int(code) + 1) % 10**6:06}"})
    assert wrong.status == 422
    page = await _end(browser, person, await browser.submit(wrong, _CODE, {"code": code}))
    assert page.has(LOGGED_IN)
    metadata = await world.tenant.app_metadata(person)
    assert metadata["waystation_stepup"]["details"] == {"method": "email"}
    claims = await browser.claims()
    assert claims is not None
    assert claims["https://waystation.dev/stepup"]["status"] == "passed"


@pytest.mark.parametrize(("step", "form"), [("profile", _PROFILE), ("stepup", _CODE)])
async def test_who_declines_is_refused(world: World, step: str, form: str) -> None:
    """Who does not want the step goes back, and the application learns which one it was."""
    person = await _person(world, step, user_metadata={})
    browser = await world.browser()
    page = await _to(browser, person, form)
    page = await _end(browser, person, await browser.submit(page, _DECLINE))
    assert reason_of(page) == f"waystation_{step}_declined"


async def test_who_has_no_attempts_left_is_refused(world: World) -> None:
    """After five wrong codes the step has failed, at the tenant too."""
    person = await _person(world, "stepup")
    browser = await world.browser()
    page = await _to(browser, person, _CODE)
    for guess in range(5):
        page = await browser.submit(page, _CODE, {"code": f"{guess:06}"})
    page = await _end(browser, person, page)
    assert reason_of(page) == "waystation_stepup_failed"
    metadata = await world.tenant.app_metadata(person)
    assert metadata["waystation_stepup"]["reason"] == "too_many_attempts"
