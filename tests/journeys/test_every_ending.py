"""Each step and the ways to end it that let nobody in: declined, stopped, failed, pending.

The other files of this folder have the way through each step; here is the table of the ways out.
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl

import jwt
import pytest
from playwright.async_api import expect

from tests.journeys.browser import PASSWORD, Browser, reason_of, transaction_of
from tests.journeys.people import honest, new_person, passport
from tests.journeys.windows import Window, window_of_a_browser
from tests.journeys.world import World
from tests.support.demo_tenant import Person
from tests.support.journey import Page

_STOP, _DECLINE = "form#stop", "form#decline"
# A tenant's that says nothing else.
_ATTEMPTS_AT_A_CODE, _ATTEMPTS_AT_A_PASSWORD = 5, 10


@dataclass(frozen=True, kw_only=True)
class Row:
    """A step: its form and heading, the button that declines it, and the heading where that has ended."""

    name: str
    form: str
    heading: str
    no: str = "I do not want to do this"
    declined: str

    def __str__(self) -> str:
        return self.name


TABLE = (
    Row(
        name="terms",
        form="form#terms",
        heading="Please read and accept",
        no="I do not accept this",
        declined="You did not accept",
    ),
    Row(
        name="profile",
        form="form#profile",
        heading="Your details",
        declined="You have not given your details",
    ),
    Row(
        name="stepup",
        form="form#verify",
        heading="Confirm that it is you",
        declined="You have not confirmed that it is you",
    ),
    Row(
        name="password",
        form="form#change",
        heading="Choose a new password",
        declined="Your password is what it was",
    ),
    Row(
        name="idproof",
        form="form#identity",
        heading="Your identity document",
        declined="Your identity was not checked",
    ),
)


async def asked_for(world: World, step: str) -> Person:
    """Somebody of whom the tenant wants this step and no other."""
    flags = {"waystation_require": f"{step}:1", "waystation_skip": "idproof"}
    return await world.tenant.add(new_person(), app_metadata=flags)


async def to_the_form(browser: Browser, person: Person, form: str) -> Page:
    page = await browser.log_in(honest(person), to=form)
    assert page.has(form)
    return page


def concluded(world: World, transaction_id: str) -> list[tuple[str, str, str]]:
    """What the gateway's log says of the steps of one login."""
    return [
        (line["step"], line["outcome"], line["reason"])
        for line in world.log_lines("gateway")
        if line["event"] == "step.concluded" and line["transaction_id"] == transaction_id
    ]


async def answered(world: World, person: Person, step: str) -> tuple[str, str]:
    """Status and reason of the step in the answer token that came back last."""
    *_, resumed = await world.tenant.continues(person)
    token = dict(parse_qsl(resumed.body))["session_token"]
    told = jwt.decode(token, options={"verify_signature": False})["steps"][step]
    return told["status"], told["reason"]


@pytest.mark.parametrize("row", TABLE, ids=str)
@pytest.mark.logs("login.stopped")
async def test_who_stops_is_refused_by_name_and_asked_again(world: World, row: Row) -> None:
    """The application and the log learn where the person stopped, the record learns nothing."""
    person, browser = await asked_for(world, row.name), await world.browser()
    before = await world.tenant.app_metadata(person)
    page = await to_the_form(browser, person, row.form)
    page = await browser.open(f"{page.url}/stop")
    login = transaction_of(page)
    page = await browser.walk(await browser.submit(page, _STOP), honest(person))
    assert reason_of(page) == f"waystation_{row.name}_abandoned"
    assert concluded(world, login) == [(row.name, "abandoned", "stopped_by_person")]
    assert await answered(world, person, row.name) == ("abandoned", "stopped_by_person")
    assert await browser.claims() is None
    assert await world.tenant.app_metadata(person) == before
    await to_the_form(browser, person, row.form)


@pytest.mark.parametrize("row", TABLE, ids=str)
async def test_who_declines_is_refused_by_name(world: World, row: Row) -> None:
    """The reason is the person's own choice, for each step, in the log and in the answer token."""
    person, browser = await asked_for(world, row.name), await world.browser()
    page = await to_the_form(browser, person, row.form)
    login = transaction_of(page)
    page = await browser.walk(await browser.submit(page, _DECLINE), honest(person))
    assert reason_of(page) == f"waystation_{row.name}_declined"
    assert concluded(world, login) == [(row.name, "declined", "declined_by_person")]
    assert await answered(world, person, row.name) == ("declined", "declined_by_person")
    assert f"waystation_{row.name}" not in await world.tenant.app_metadata(person)


async def test_whose_passwords_are_all_refused_is_refused(world: World) -> None:
    """After ten passwords that the policy does not take the step has failed; the old one is still theirs."""
    person, browser = await asked_for(world, "password"), await world.browser()
    page = await to_the_form(browser, person, "form#change")
    for guess in range(_ATTEMPTS_AT_A_PASSWORD):
        typed = {"new_password": f"short{guess}", "new_password_again": f"short{guess}"}
        page = await browser.submit(page, "form#change", typed)
    page = await browser.walk(page, honest(person))
    assert reason_of(page) == "waystation_password_failed"
    metadata = await world.tenant.app_metadata(person)
    assert metadata["waystation_password"]["reason"] == "too_many_attempts"
    assert not (await (await world.browser()).begin(honest(person))).has(PASSWORD)


async def go_to_the_step(window: Window, row: Row) -> None:
    await window.press("This is my login, go on")
    await expect(window.page.get_by_role("heading", level=1)).to_have_text(row.heading)


async def go_back_refused(window: Window, heading: str, reason: str) -> None:
    """Read what has become of it, and hear from the application why it lets nobody in."""
    await expect(window.page.get_by_role("heading", level=1)).to_have_text(heading)
    await window.press("Go back to Acme Bank")
    await window.assert_refused(reason)


async def log_in_again(window: Window) -> None:
    await window.page.get_by_role("link", name="Log in").click()
    await expect(window.page.get_by_role("heading")).to_have_text("Before you go on to Acme Bank")


async def stop(window: Window) -> None:
    await window.page.get_by_role("link", name="Stop here").click()
    await expect(window.page.get_by_role("heading")).to_have_text("Do you want to stop here?")
    await window.press("Stop and go back")


async def assert_left(window: Window, left: int) -> None:
    """The page counts down what is left; after the last attempt there is nothing to count."""
    if left:
        words = "one attempt" if left == 1 else f"{left} attempts"
        await expect(window.page.get_by_role("alert")).to_contain_text(f"You have {words} left.")


@pytest.mark.parametrize("row", TABLE, ids=str)
async def test_who_declines_and_then_stops_in_chromium(world: World, row: Row) -> None:
    """Each way out has its page and its reason, and each time the next login asks again."""
    person = await asked_for(world, row.name)
    async with window_of_a_browser() as window:
        await window.log_in(world, person)
        await go_to_the_step(window, row)
        await window.press(row.no)
        await go_back_refused(window, row.declined, f"waystation_{row.name}_declined")
        await log_in_again(window)
        await go_to_the_step(window, row)
        await stop(window)
        await go_back_refused(window, "You have stopped", f"waystation_{row.name}_abandoned")
        await log_in_again(window)
        await go_to_the_step(window, row)
        assert window.complaints == []


async def test_who_guesses_the_code_in_chromium(world: World) -> None:
    """Each wrong code stands beside the field; the page after the fifth says why it is over."""
    person = await asked_for(world, "stepup")
    async with window_of_a_browser() as window:
        await window.log_in(world, person)
        await window.press("This is my login, go on")
        for left in reversed(range(_ATTEMPTS_AT_A_CODE)):
            await window.page.get_by_label("The code from the mail").fill(f"{left:06}")
            await window.press("Confirm")
            await assert_left(window, left)
        await expect(window.page.get_by_role("main")).to_contain_text("There were too many wrong codes.")
        await go_back_refused(window, "We could not confirm that it is you", "waystation_stepup_failed")
        assert window.complaints == []


async def test_whose_passwords_are_all_refused_in_chromium(world: World) -> None:
    """The attempts that are left are counted down beside the field, to the page that says that it is over."""
    person = await asked_for(world, "password")
    async with window_of_a_browser() as window:
        await window.log_in(world, person)
        await window.press("This is my login, go on")
        for left in reversed(range(_ATTEMPTS_AT_A_PASSWORD)):
            await window.page.get_by_label("New password", exact=True).fill(f"short{left}")
            await window.page.get_by_label("New password, once more").fill(f"short{left}")
            await window.press("Change the password")
            await assert_left(window, left)
        await expect(window.page.get_by_role("main")).to_contain_text("Too many passwords were refused.")
        await go_back_refused(window, "Your password is what it was", "waystation_password_failed")
        assert window.complaints == []


async def test_whose_document_is_to_be_reviewed_in_chromium(world: World) -> None:
    """Where a document alone is not enough, the page says that it is not settled yet."""
    async with world.retuned(allow_document_validated=False), window_of_a_browser() as window:
        person = await world.person()
        await window.log_in(world, person)
        await window.press("This is my login, go on")
        await window.type_document(passport(person))
        await go_back_refused(window, "Your identity is not confirmed yet", "waystation_idproof_pending")
        assert window.complaints == []
