"""Whole logins that ask for a new password, as the tenant and the application see them."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tests.journeys.browser import CLAIM, LOGGED_IN, PASSWORD, Browser, reason_of
from tests.journeys.canaries import seen
from tests.journeys.people import honest, new_person
from tests.journeys.world import World
from tests.support.demo_tenant import Person
from tests.support.journey import Page
from tests.support.stack import SERVICES
from tests.support.waiting import wait_until

_FORM, _DONE, _DECLINE, _AGAIN = "form#change", "form#done", "form#decline", "main a.button"
NEW = "Quetzal-7-Canary!"


async def _person(world: World, **more: Any) -> Person:
    """Somebody whom the tenant asks for a new password, and for nothing else."""
    flags = {"waystation_require": "password:1", "waystation_skip": "idproof"}
    return await world.tenant.add(new_person(), app_metadata=flags, **more)


def _writes_to(person: Person) -> str:
    """Nobody else's, such as what an earlier test leaves to be written."""
    return f"^PATCH /api/v2/users/.*{person.user_id.removeprefix('auth0|')}"


async def _to_the_form(browser: Browser, person: Person) -> Page:
    page = await browser.log_in(honest(person), to=_FORM)
    assert page.has(_FORM)
    return page


async def _choose(browser: Browser, page: Page, password: str) -> Page:
    return await browser.submit(page, _FORM, {"new_password": password, "new_password_again": password})


async def _log_in_again(browser: Browser, page: Page, person: Person) -> Page:
    """Follow the page's one way on, with what the person knows as their password."""
    page = await browser.open(str(page.form(_AGAIN)["href"]))
    assert page.has(PASSWORD)
    return await browser.walk(page, honest(person))


@pytest.mark.logs("login.restarted")
async def test_changed_and_logged_in_with_it(world: World) -> None:
    """The new password lets in, the old one does not; a mail says so, and nothing of ours has seen it."""
    person = await _person(world)
    browser = await world.browser()
    page = await _choose(browser, await _to_the_form(browser, person), NEW)
    assert "Your password is changed" in page.form("main").get_text()

    async def recorded() -> bool:
        return "waystation_password" in await world.tenant.app_metadata(person)

    await wait_until(recorded, 30.0, what="the record at the tenant")
    inbox = world.inbox(person)
    assert (await inbox.mail_that_comes())["Subject"] == "Your password at Acme was changed"
    old = await (await world.browser()).begin(honest(person))
    assert old.has(PASSWORD)
    page = await _log_in_again(browser, page, replace(person, password=NEW))
    assert page.has(LOGGED_IN)
    first, again = (dict(parse_qsl(url.query_string)) for url in browser.visited if url.path == "/authorize")
    assert again == {**first, "prompt": "login"}
    record = (await world.tenant.app_metadata(person))["waystation_password"]
    assert (record["status"], record["until"], record["v"]) == ("passed", None, 1)
    outputs = [world.output(service) for service in ("gateway", "proofing", "metadata-sync")]
    rows = [row for table in (await world.rows.texts()).values() for row in table]
    assert seen({"password": NEW}, [*outputs, *rows, *_commands(world), *await inbox.texts()]) == []


def _commands(world: World) -> list[str]:
    return [world.stack.shown(name, "cmdline") for name in (*SERVICES, "tenant", "app", "mail")]


REFUSED = {
    "short": "too easy to guess",
    "Password123": "on lists of common passwords",
    "Eriksson-7-Eriksson": "contains your name",
    "over-the-bridge-7": "used this password before",
}


async def test_each_policy_beside_the_field(world: World) -> None:
    """Whatever the tenant refuses a password for stands beside the field; a better one is taken after it."""
    person = await _person(world)
    browser = await world.browser()
    page = await _to_the_form(browser, person)
    for password, said in REFUSED.items():
        page = await _choose(browser, page, password)
        assert page.status == 422
        assert said in page.form("#new_password-error").get_text()
    page = await _choose(browser, page, NEW)
    assert (await _log_in_again(browser, page, replace(person, password=NEW))).has(LOGGED_IN)


async def test_who_declines_is_refused(world: World) -> None:
    """Who keeps their password goes back, and the application learns why it lets nobody in."""
    person = await _person(world)
    browser = await world.browser()
    page = await _to_the_form(browser, person)
    page = await browser.walk(await browser.submit(page, _DECLINE), honest(person))
    assert reason_of(page) == "waystation_password_declined"


async def test_the_tenant_is_away(world: World) -> None:
    """Nothing was changed, says the page; the same form works when the tenant is back."""
    person = await _person(world)
    browser = await world.browser()
    page = await _to_the_form(browser, person)
    await world.tenant.plant(_writes_to(person), status=429, headers={"Retry-After": "1"}, times=1)
    page = await _choose(browser, page, NEW)
    assert page.status == 503
    assert "Try again in a moment." in page.form("[role=alert]").get_text()

    async def changed() -> Page | None:
        answer = await _choose(browser, page, NEW)
        return answer if answer.has(_AGAIN) else None

    restarted = await wait_until(changed, 20.0, what="the tenant to take it", every=0.5)
    assert restarted is not None
    assert (await _log_in_again(browser, restarted, replace(person, password=NEW))).has(LOGGED_IN)


@pytest.mark.logs("password.not_known")
async def test_the_answer_was_lost(world: World) -> None:
    """Who tries the new password, as the page says, is in: the tenant itself knows that it was changed."""
    person = await _person(world)
    browser = await world.browser()
    page = await _to_the_form(browser, person)
    await world.tenant.plant(_writes_to(person), reset="after-commit", times=1)
    page = await _choose(browser, page, NEW)
    assert page.status == 503
    assert "Try to log in with the new one first." in page.form("[role=alert]").get_text()
    page = await browser.submit(page, _DONE)
    assert (await _log_in_again(browser, page, replace(person, password=NEW))).has(LOGGED_IN)
    assert "waystation_password" not in await world.tenant.app_metadata(person)


async def test_asked_again_who_only_says_so(world: World) -> None:
    """Who says that they have a new password and has none is asked for it in the next login."""
    person = await _person(world)
    browser = await world.browser()
    page = await _choose(browser, await _to_the_form(browser, person), "short")
    page = await browser.submit(page, _DONE)
    page = await browser.open(str(page.form(_AGAIN)["href"]))
    page = await browser.answer(page, honest(person))
    assert page.has(CLAIM)
    assert (await browser.submit(page, CLAIM)).has(_FORM)


async def test_on_the_tenants_own_page(world: World) -> None:
    """The person sets the password on the tenant's page, comes back to ours, and logs in with it."""
    person = await _person(world)
    browser = await world.browser()
    ticket_mode = {"revision": 1, "mode": "ticket"}
    async with world.retuned(changes={"steps": {"password": ticket_mode}}):
        page = await browser.log_in(honest(person), to="form#ticket")
        page = await browser.submit(page, "form#ticket")
        page = await browser.open(str(page.form(_AGAIN)["href"]))
        typed = {"password-reset": NEW, "re-enter-password": NEW}
        page = await browser.submit(page, "form", typed)
        page = await browser.submit(page, _DONE)
    assert (await _log_in_again(browser, page, replace(person, password=NEW))).has(LOGGED_IN)
