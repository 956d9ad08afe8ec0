"""The step stepup where nobody but the Action asks for it, and its mails where they are late."""

from tests.journeys.browser import CLAIM, LOGGED_IN, Browser
from tests.journeys.people import honest
from tests.journeys.world import World, restart
from tests.support.demo_tenant import Person

_CODE, _RESEND = "form#verify", "form#resend"
_FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"
_NEWER_FIREFOX = _FIREFOX.replace("133", "170")
_CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML) Chrome/142.0.0.0 Safari/537.36"
)


async def verify(world: World, browser: Browser, person: Person) -> None:
    """A login that is asked for a code, with the code from the newest mail."""
    page = await browser.log_in(honest(person), to=_CODE)
    assert page.has(_CODE)
    page = await browser.submit(page, _CODE, {"code": await world.inbox(person).code_that_comes()})
    assert (await browser.walk(page, honest(person))).has(LOGGED_IN)


async def is_asked(world: World, person: Person, *, agent: str) -> bool:
    browser = await world.browser(User_Agent=agent)
    page = await browser.log_in(honest(person), to=CLAIM)
    assert page.has(CLAIM) or page.has(LOGGED_IN)
    return page.has(CLAIM)


async def test_a_browser_that_was_not_seen_before_is_asked(world: World) -> None:
    """The first login is verified; its browser is usual from then on, unless a rule asks; another is not."""
    async with world.other_tenant({"STEPS": "stepup:1"}):
        person = await world.person()
        await verify(world, await world.browser(User_Agent=_FIREFOX), person)
        known = (await world.tenant.app_metadata(person))["waystation_stepup_seen"]["known"]
        assert len(known) == 1
        assert not await is_asked(world, person, agent=_NEWER_FIREFOX)
        assert await is_asked(world, person, agent=_CHROME)
        metadata = await world.tenant.app_metadata(person)
    async with world.other_tenant({"STEPS": "stepup:1", "STEPUP_RULES": "always"}):
        await world.tenant.add(person, app_metadata=metadata)
        assert await is_asked(world, person, agent=_FIREFOX)


async def test_a_mail_server_that_is_away(world: World) -> None:
    """The page asks for the code all the same; another is not sent at once; the mail comes when it can."""
    flags = {"waystation_require": "stepup:1", "waystation_skip": "idproof"}
    person = await world.person()
    await world.tenant.change(person, app_metadata=flags)
    browser = await world.browser()
    world.stack.end("mail")
    try:
        page = await browser.log_in(honest(person), to=_CODE)
        early = await browser.submit(page, _RESEND)
    finally:
        restart(world.stack, "mail")
    assert early.status == 422
    assert "Please wait a little" in early.form("[role=alert]").get_text()
    page = await browser.submit(early, _CODE, {"code": await world.inbox(person).code_that_comes()})
    assert (await browser.walk(page, honest(person))).has(LOGGED_IN)
