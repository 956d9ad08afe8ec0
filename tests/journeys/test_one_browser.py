"""What one browser may do on the way: reload, go back, press twice, open a second tab, ask again itself."""

import asyncio

import pytest

from tests.journeys.browser import (
    CLAIM,
    CONTINUE,
    HAND_BACK,
    IDENTITY,
    LOGGED_IN,
    WAIT,
    Browser,
    asks_for_something,
    transaction_of,
)
from tests.journeys.people import honest, refusing
from tests.journeys.variants import where
from tests.journeys.world import World
from tests.support.demo_tenant import Person


async def _assert_one_proof(world: World, person: Person) -> None:
    """I6: one transaction, one verification, one result, one write, one return to the tenant that counted."""
    (login,) = await world.rows.transactions(person)
    assert login["status"] == "handed_back"
    assert len(await world.rows.verifications(person)) == 1
    assert await world.rows.rev(person) == 1
    assert len(await world.tenant.patches(person)) == 1
    codes = [
        call for call in await world.tenant.continues(person) if _leads_to_a_code(call.entry["location"])
    ]
    assert len(codes) == 1


def _leads_to_a_code(location: str | None) -> bool:
    return "/callback?code=" in (location or "")


async def test_every_page_may_be_reloaded(world: World) -> None:
    """A reload shows the page again, or the one that has become of it, and nothing is done twice."""
    person = await world.person()
    browser = await world.browser()
    answers = honest(person)
    page = await browser.begin(answers)
    while asks_for_something(page):
        shown = next(form for form in (CLAIM, IDENTITY, WAIT, CONTINUE, HAND_BACK) if page.has(form))
        again = await browser.reload()
        await browser.reload()
        assert again.has(shown) or (shown == WAIT and again.has(CONTINUE)) or shown == HAND_BACK
        page = await browser.answer(page, answers)
    assert page.has(LOGGED_IN)
    await _assert_one_proof(world, person)


@where(double_continue="invalid_request")
async def test_going_back_after_the_end_loses_nothing(world: World) -> None:
    """Pages of a login that has ended still answer, and lead to the application once more."""
    person = await world.person()
    browser = await world.browser()
    page = await browser.log_in(honest(person), to=CLAIM)
    login = page.url
    await browser.walk(page, honest(person))
    for address in (login, browser.link):
        page = await browser.open(address)
        assert (page.status, page.has(CONTINUE)) == (200, True)
        page = await browser.walk(page, honest(person))
        assert page.has(LOGGED_IN)
    await _assert_one_proof(world, person)


@pytest.mark.parametrize("form", [CLAIM, IDENTITY, CONTINUE])
async def test_pressing_twice_is_pressing_once(world: World, form: str) -> None:
    """Of two submits at the same moment both are answered with the page that comes next."""
    person = await world.person()
    browser = await world.browser()
    answers = honest(person)
    page = await browser.log_in(answers, to=form)
    one, two = await asyncio.gather(browser.answer(page, answers), browser.answer(page, answers))
    assert {one.status, two.status} == {200}
    for seen in (one, two):
        assert not seen.has(form) or seen.has(HAND_BACK)
    page = await browser.walk(one, answers)
    assert page.has(LOGGED_IN)
    await _assert_one_proof(world, person)


async def test_declining_twice_is_declining_once(world: World) -> None:
    """Two refusals at the same moment end the step once."""
    person = await world.person()
    browser = await world.browser()
    answers = refusing(person)
    page = await browser.log_in(answers, to=IDENTITY)
    pages = await asyncio.gather(browser.answer(page, answers), browser.answer(page, answers))
    assert [seen.has(CONTINUE) for seen in pages] == [True, True]
    assert await world.rows.rev(person) == 1


@where(double_continue="invalid_request")
async def test_handing_back_twice_is_one_code(world: World) -> None:
    """The tenant takes one of two returns; the other is shown the way to the application."""
    person = await world.person()
    browser = await world.browser()
    answers = honest(person)
    page = await browser.log_in(answers, to=HAND_BACK)
    one = await browser.submit(page, HAND_BACK)
    two = await browser.submit(page, HAND_BACK)
    assert [one.has(LOGGED_IN), two.has(LOGGED_IN)] == [True, True]
    await _assert_one_proof(world, person)


async def test_a_second_tab_goes_on_where_the_first_one_is(world: World) -> None:
    """Two tabs see one login; a form that has become old leads to where the login is now."""
    person = await world.person()
    first = await world.browser()
    answers = honest(person)
    at_start = await first.log_in(answers, to=CLAIM)
    second = Browser(world.stack, first.session)
    opened = await second.open(first.link)
    assert transaction_of(opened) == transaction_of(at_start)
    at_identity = await second.answer(opened, answers)
    assert at_identity.has(IDENTITY)
    late = await first.answer(at_start, answers)
    assert late.has(IDENTITY)
    at_end = await second.walk(at_identity, answers, to=CONTINUE)
    late = await first.answer(late, answers)
    assert late.has(CONTINUE)
    page = await second.walk(at_end, answers)
    assert page.has(LOGGED_IN)
    await _assert_one_proof(world, person)


async def test_a_browser_may_ask_twice_by_itself(world: World) -> None:
    """A first request that is repeated, at once or after a lost answer, opens one login that goes on."""
    person = await world.person()
    browser = await world.browser()
    answers = honest(person)
    await browser.log_in(answers, to=CLAIM)
    browser.session.cookie_jar.clear(lambda cookie: cookie.key.startswith("__Host-ws-"))
    pages = await asyncio.gather(*(browser.open(browser.link) for _ in range(4)))
    assert [page.status for page in pages] == [200, 200, 200, 200]
    page = await browser.walk(await browser.reload(), answers)
    assert page.has(LOGGED_IN)
    await _assert_one_proof(world, person)
