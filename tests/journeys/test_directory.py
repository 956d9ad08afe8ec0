"""Whole logins of people whose passwords a directory keeps, down to a real slapd."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.journeys.browser import LOGGED_IN, PASSWORD, Browser
from tests.journeys.canaries import seen
from tests.journeys.eavesdropper import overheard
from tests.journeys.people import honest, new_person
from tests.journeys.world import World, restart
from tests.support.demo_tenant import Person
from tests.support.journey import Page
from tests.support.places import LOCAL
from tests.support.run_folder import RunFolder
from tests.support.slapd import BASE, CHANGER, CHANGER_PASSWORD, GUID, Slapd, running_slapd

pytestmark = pytest.mark.only_at(LOCAL, reason="the directory is on this machine's loopback")

_FORM, _AGAIN = "form#change", "main a.button"
_OLD, _NEW, _NEWER = "over-the-bridge-7", "Quetzal-7-Cañary!", "Zürich-8-Canary-🎉"


@pytest.fixture
def slapd(tmp_path: Path) -> Iterator[Slapd]:
    """A directory in which Anna has the old password."""
    with running_slapd(RunFolder(tmp_path)) as running:
        yield running


@asynccontextmanager
async def connected(world: World, slapd: Slapd, tmp_path: Path) -> AsyncIterator[None]:
    """The tenant has two connections to it: one as to an LDAP server, one as to Active Directory."""
    secret = tmp_path / "changer"
    secret.write_text(CHANGER_PASSWORD)
    directory = {
        "url": slapd.url,
        "bind_dn": CHANGER,
        "bind_password_file": str(secret),
        "base": BASE,
        "ca_file": str(slapd.ca_file),
    }
    connections = {f"acme-{kind}": {"kind": kind, **directory} for kind in ("ldap", "ad")}
    async with world.retuned(changes={"connections": connections}):
        restart(world.stack, "metadata-sync")
        yield


async def anna(world: World, *, kind: str, identifier: str) -> Person:
    """Anna as the tenant knows her through one of the connections; a new password is due."""
    connection = f"acme-{kind}"
    flags = {"waystation_require": "password:1", "waystation_skip": "idproof"}
    person = replace(new_person(user_id=f"ad|{connection}|{identifier}"), password=_OLD)
    return await world.tenant.add(person, provider="ad", connection=connection, app_metadata=flags)


async def choose(browser: Browser, page: Page, password: str) -> Page:
    return await browser.submit(page, _FORM, {"new_password": password, "new_password_again": password})


async def assert_logged_in_with(world: World, browser: Browser, page: Page, person: Person) -> None:
    """The tenant asks the directory, as its connector does; nothing is due any more."""
    await world.tenant.change(person, password=person.password)
    page = await browser.open(str(page.form(_AGAIN)["href"]))
    assert page.has(PASSWORD)
    assert (await browser.walk(page, honest(person))).has(LOGGED_IN)


async def test_a_new_password_in_a_directory(world: World, slapd: Slapd, tmp_path: Path) -> None:
    """What the directory refuses stands beside the field; what it takes lets in, and is seen nowhere.

    While it is away the page says that nothing was changed, and the same form works when it is back.
    """
    async with connected(world, slapd, tmp_path), overheard(world.stack.amqp) as messages:
        person, browser = await anna(world, kind="ldap", identifier="anna"), await world.browser()
        page = await browser.log_in(honest(person), to=_FORM)
        with slapd.away():
            page = await choose(browser, page, _NEW)
        assert (page.status, slapd.lets_in(_OLD)) == (503, True)
        assert "Try again in a moment." in page.form("[role=alert]").get_text()
        page = await choose(browser, page, "short")
        assert "cannot be used" in page.form("#new_password-error").get_text()
        page = await choose(browser, page, _NEW)
        assert "Your password is changed" in page.form("main").get_text()
        assert (slapd.lets_in(_NEW), slapd.lets_in(_OLD)) == (True, False)
        subject = (await world.inbox(person).mail_that_comes())["Subject"]
        assert subject == "Your password at Acme was changed"
        await assert_logged_in_with(world, browser, page, replace(person, password=_NEW))
        record = (await world.tenant.app_metadata(person))["waystation_password"]
        assert record["status"] == "passed"

        other, browser = await anna(world, kind="ad", identifier=str(GUID)), await world.browser()
        page = await choose(browser, await browser.log_in(honest(other), to=_FORM), _NEWER)
        assert slapd.has_unicode_pwd(_NEWER)
        await assert_logged_in_with(world, browser, page, replace(other, password=_NEWER))
        everywhere = {**await world.traces(), "messages": messages}
    canaries = {"new": _NEW, "newer": _NEWER, "changer": CHANGER_PASSWORD}
    slips = {place: seen(canaries, texts) for place, texts in everywhere.items()}
    assert {place: names for place, names in slips.items() if names} == {}
