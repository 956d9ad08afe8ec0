"""Identity proofing with all that a tenant can choose: consent, another attempt, a person who decides."""

import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.journeys.browser import LOGGED_IN, Browser, reason_of, transaction_of
from tests.journeys.control import SEEN, STEP
from tests.journeys.people import honest, passport
from tests.journeys.windows import Window, assert_clean, window_of_a_browser
from tests.journeys.world import World
from tests.support.demo_tenant import Person
from tests.support.journey import Page
from tests.support.log_checker import hear
from tests.support.waiting import wait_until

IDPROOF = {
    "revision": 1,
    "valid_for": "365d",
    "attempts": 5,
    "allow_document_validated": False,
    "consent": {"revision": 1, "policy_url": "https://acme.example/privacy", "kept_for": "90d"},
    "retry_declined": True,
    "review_within": "2d",
    "review_wait": "10m",
}
CONSENT, DISAGREE, STOP = "form#agree", "form#disagree", "form#stop"


@asynccontextmanager
async def careful(world: World) -> AsyncIterator[None]:
    """The tenant of these journeys."""
    async with world.retuned(changes={"steps": {"idproof": IDPROOF}}):
        yield


def reviews(world: World, *arguments: str) -> Any:
    """What `waystation reviews … --json` answers to the operator of proofing."""
    operator = world.stack.operator("proofing")
    done = subprocess.run(
        [*operator.argv, "reviews", *arguments, "--json"],
        env=operator.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    hear(done.stderr)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def awaited_review(world: World, person: Person) -> str:
    """The id of the person's verification, once it waits for somebody."""

    async def waiting() -> str | None:
        found = await world.rows.verifications(person)
        return next((str(row["verification_id"]) for row in found if row["status"] == "review"), None)

    found = await wait_until(waiting, 15.0, what="a verification in review")
    assert found in {one["id"] for one in reviews(world, "list")}
    return str(found)


async def to_the_consent(world: World, person: Person) -> tuple[Browser, Page]:
    browser = await world.browser()
    return browser, await browser.log_in(honest(person), to=CONSENT)


async def left_in_review(world: World, person: Person) -> tuple[Browser, str]:
    """A person whose document waits for somebody, and who did not wait for that."""
    browser, page = await to_the_consent(world, person)
    page = await browser.submit(page, CONSENT)
    page = await browser.answer(page, honest(person))
    verification = await awaited_review(world, person)
    stop = await browser.open(f"{world.stack.origins.gateway}/t/{transaction_of(page)}/stop")
    page = await browser.walk(await browser.submit(stop, STOP), honest(person))
    assert reason_of(page) == "waystation_idproof_pending"
    return browser, verification


async def known(world: World, person: Person, status: str) -> None:
    """Wait until the tenant holds this status of a verdict that came late."""

    async def is_known() -> bool:
        metadata = await world.tenant.app_metadata(person)
        return bool(metadata.get(STEP, {}).get("status") == status)

    await wait_until(is_known, 20.0, what=f"{status} in app_metadata")


@pytest.mark.logs("idproof.consented", "review.shown", "review.decided")
async def test_decided_between_two_logins(world: World) -> None:
    """Who does not agree is refused for that; what is decided after a login counts in the next one."""
    async with careful(world):
        person = await world.person()
        browser, page = await to_the_consent(world, person)
        page = await browser.walk(await browser.submit(page, DISAGREE), honest(person))
        assert reason_of(page) == "waystation_idproof_declined"
        assert (await world.tenant.app_metadata(person))[SEEN]["reason"] == "consent_declined"
        assert await world.rows.verifications(person) == []

        browser, verification = await left_in_review(world, person)
        assert reviews(world, "show", verification, "--reviewer", "r.roe")["id"] == verification
        assert reviews(world, "decide", verification, "approved", "--reviewer", "r.roe")["revision"] == 2
        await known(world, person, "passed")
        page = await browser.log_in(honest(person), to=CONSENT)
        assert page.has(LOGGED_IN)
        metadata = await world.tenant.app_metadata(person)
        assert metadata[STEP]["jti"] == metadata[SEEN]["jti"]
        assert metadata[STEP]["rev"] > metadata[SEEN]["rev"]
        assert metadata[STEP]["ref"] == verification

        refused = await world.person()
        browser, verification = await left_in_review(world, refused)
        reviews(world, "decide", verification, "declined", "--reason", "name_mismatch", "--reviewer", "r.roe")
        await known(world, refused, "failed")
        page = await browser.log_in(honest(refused), to=CONSENT)
        assert reason_of(page) == "waystation_idproof_failed"
        assert (await world.tenant.app_metadata(refused))[STEP]["reason"] == "name_mismatch"


async def assert_accessible(window: Window, title: str) -> None:
    await expect(window.page.get_by_role("heading", level=1)).to_have_text(title)
    found = await Axe().run(window.page)
    assert found.response["violations"] == []


@pytest.mark.logs("step.refused")
async def test_decided_while_the_person_waits(world: World) -> None:
    """Consent, a wrong document, the right one, and a page that goes on by itself once it is decided."""
    async with careful(world), window_of_a_browser() as window:
        person = await world.person()
        await window.log_in(world, person)
        await window.press("This is my login, go on")
        await assert_accessible(window, "Check of your identity")
        await window.press("I agree, start the check")
        await assert_accessible(window, "Your identity document")
        await window.type_document(passport(replace(person, family_name="Oyelaran")))
        await assert_accessible(window, "Please check what you typed")
        await expect(window.page.get_by_role("alert")).to_contain_text("The name is not the one")
        await expect(window.page.get_by_text("You have 4 attempts left.")).to_be_visible()
        await window.type_document(passport(person))
        verification = await awaited_review(world, person)
        await assert_accessible(window, "Somebody is looking at it")
        await expect(window.page.get_by_role("status")).to_contain_text("You will have a decision by")
        reviews(world, "decide", verification, "approved", "--reviewer", "r.roe")
        await window.assert_logged_in()
        assert_clean(window, world)
    metadata = await world.tenant.app_metadata(person)
    assert (metadata[SEEN]["status"], metadata[SEEN]["level"]) == ("passed", "document_validated")
    assert len(await world.rows.verifications(person)) == 2
