"""The broker of the whole stack is lost in the middle of logins; everybody gets through when it is back."""

import pytest
from playwright.async_api import expect

from tests.journeys.browser import IDENTITY, LOGGED_IN, WAIT
from tests.journeys.control import PASSED, SEEN, STEP, told
from tests.journeys.people import honest, passport
from tests.journeys.windows import window_of_a_browser
from tests.journeys.world import World
from tests.support.places import COMPOSE

_BROKER = "rabbitmq"

pytestmark = [
    pytest.mark.only_at(COMPOSE, reason="a local stack's broker serves others too"),
    pytest.mark.timeout(300),
]


async def test_a_login_waits_out_the_broker(world: World) -> None:
    """Killed while a result is on its way: the page waits and goes on, and each result is there once."""
    person, browser = await world.person(), await world.browser()
    page = await browser.log_in(honest(person), to=IDENTITY)
    world.stack.kill(_BROKER)
    page = await browser.submit(page, IDENTITY, {"mrz": honest(person).lines})
    assert page.has(WAIT)
    world.stack.begin(_BROKER)
    page = await browser.walk(page, honest(person))
    assert page.has(LOGGED_IN)
    metadata = await world.tenant.app_metadata(person)
    assert told(metadata[STEP]) == PASSED
    assert metadata == {STEP: metadata[SEEN], SEEN: metadata[SEEN]}
    assert len(await world.rows.verifications(person)) == 1


async def test_logins_begin_while_it_is_away(world: World) -> None:
    """In Chromium a login begins, and comes as far as the waiting page, with no broker; then it ends well."""
    person = await world.person()
    world.stack.kill(_BROKER)
    try:
        async with window_of_a_browser() as window:
            await window.log_in(world, person)
            await window.press("This is my login, go on")
            await window.type_document(passport(person))
            await expect(window.page.locator(".wait")).to_be_visible()
            world.stack.begin(_BROKER)
            await window.assert_logged_in()
            assert window.complaints == []
    finally:
        world.stack.begin(_BROKER)


async def test_nobody_was_restarted_by_it(world: World) -> None:
    """Services wait for a broker that is away; none of them ended."""
    for service in ("gateway", "proofing", "metadata-sync"):
        assert "process.failed" not in world.output(service)
