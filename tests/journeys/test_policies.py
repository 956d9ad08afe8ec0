"""The four policies: what a login does while its result cannot be confirmed at the tenant."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.journeys.browser import LOGGED_IN, WAIT, Browser, reason_of, transaction_of
from tests.journeys.control import PASSED, SEEN, STEP, told
from tests.journeys.people import honest
from tests.journeys.world import World, restart
from tests.support.demo_tenant import Person
from tests.support.journey import Page
from tests.support.waiting import wait_until

UNAVAILABLE = {"status": 503}


@asynccontextmanager
async def troubled(world: World, person: Person, **fault: Any) -> AsyncIterator[None]:
    """The tenant answers our writes to this person so, as often as the fault says or to the end."""
    await world.tenant.plant(f"PATCH .*{person.user_id.removeprefix('auth0|')}", **fault)
    try:
        yield
    finally:
        await world.tenant.heal()


async def waiting(browser: Browser, person: Person) -> Page:
    """A login that waits for its result to be confirmed; the page says so."""
    answers = honest(person)
    page = await browser.log_in(answers, to=WAIT)

    async def is_saved() -> bool:
        nonlocal page
        page = await browser.reload()
        return "The result is being saved at Acme" in page.html.get_text()

    await wait_until(is_saved, 20.0, what="the page to say what is waited for", every=0.1)
    return page


async def answered(world: World, person: Person) -> str:
    """What the answer token of the person's last login says of our write."""
    *_, login = await world.rows.transactions(person)
    metadata: str = login["metadata"]
    return metadata


async def until_ours(world: World, person: Person) -> dict[str, Any]:
    """The person's metadata, once our own write is there."""

    async def followed() -> bool:
        return STEP in await world.tenant.app_metadata(person)

    await wait_until(followed, 30.0, what="our write")
    return await world.tenant.app_metadata(person)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"delay": 2}, id="slow"),
        pytest.param({"status": 429, "headers": {"Retry-After": "2"}}, id="429"),
        pytest.param(UNAVAILABLE, id="down"),
    ],
)
async def test_wait_says_so_and_goes_on_when_it_is_written(world: World, fault: dict[str, Any]) -> None:
    """Under `wait` the page waits out a slow, limiting or failing tenant, and the result is there first."""
    person = await world.person()
    browser = await world.browser()
    async with troubled(world, person, **fault):
        page = await waiting(browser, person)
        assert await world.tenant.continues(person) == []
    page = await browser.walk(page, honest(person))
    assert page.has(LOGGED_IN)
    assert await answered(world, person) == "applied"
    metadata = await world.tenant.app_metadata(person)
    assert metadata == {STEP: metadata[SEEN], SEEN: metadata[SEEN]}


@pytest.mark.logs("login.went_on_without")
async def test_wait_ends_before_the_login_does(world: World) -> None:
    """Two minutes before its deadline a login under `wait` goes back as `carry` would; ours follows."""
    person = await world.person()
    browser = await world.browser()
    async with troubled(world, person, **UNAVAILABLE):
        page = await waiting(browser, person)
        await world.rows.bring_to_last_call(transaction_of(page))
        page = await browser.walk(page, honest(person))
        assert page.has(LOGGED_IN)
        assert await answered(world, person) == "carried"
        metadata = await world.tenant.app_metadata(person)
        assert metadata == {SEEN: metadata[SEEN]}
        assert told(metadata[SEEN]) == PASSED
    metadata = await until_ours(world, person)
    assert metadata == {STEP: metadata[SEEN], SEEN: metadata[SEEN]}


async def test_carry_goes_back_at_its_deadline(world: World) -> None:
    """Under `carry` a login waits for `deadline` at most; the Action writes the result, and ours follows."""
    async with world.retuned(changes={"metadata": {"policy": "carry", "deadline": "3s"}}):
        person = await world.person()
        browser = await world.browser()
        async with troubled(world, person, **UNAVAILABLE):
            page = await waiting(browser, person)
            page = await browser.walk(page, honest(person))
            assert page.has(LOGGED_IN)
            assert await answered(world, person) == "carried"
            metadata = await world.tenant.app_metadata(person)
            assert metadata == {SEEN: metadata[SEEN]}
            assert told(metadata[SEEN]) == PASSED
    metadata = await until_ours(world, person)
    assert metadata == {STEP: metadata[SEEN], SEEN: metadata[SEEN]}


async def test_fail_refuses_at_its_deadline(world: World) -> None:
    """Under `fail` a result that is not confirmed in time refuses the login; the proof itself is kept."""
    async with world.retuned(changes={"metadata": {"policy": "fail", "deadline": "1s"}}):
        person = await world.person()
        browser = await world.browser()
        async with troubled(world, person, **UNAVAILABLE):
            page = await browser.log_in(honest(person))
            assert await answered(world, person) == "failed"
    assert reason_of(page) == "waystation_metadata_failed"
    assert SEEN not in await world.tenant.app_metadata(person)
    assert STEP in await world.rows.desired(person)


@pytest.mark.logs("metadata.rejected")
async def test_what_a_tenant_refuses_for_good_refuses_the_login(world: World) -> None:
    """A write that the tenant will never take refuses the login at once, under every policy that waits."""
    person = await world.person()
    async with troubled(world, person, status=400):
        page = await (await world.browser()).log_in(honest(person))
    assert reason_of(page) == "waystation_metadata_failed"
    assert await answered(world, person) == "failed"
    assert SEEN not in await world.tenant.app_metadata(person)


async def test_action_writes_alone_what_is_known(world: World) -> None:
    """Under `action` a known result is one write, the Action's, without a wait; a late one is one of ours."""
    async with world.retuned(changes={"metadata": {"policy": "action"}}):
        person = await world.person()
        page = await (await world.browser()).log_in(honest(person))
        assert page.has(LOGGED_IN)
        assert await answered(world, person) == "carried"
        metadata = await world.tenant.app_metadata(person)
        assert metadata == {SEEN: metadata[SEEN]}
        assert told(metadata[SEEN]) == PASSED
        assert await world.tenant.patches(person) == []

        late = await world.person()
        browser = await world.browser()
        world.stack.end("proofing")
        page = await browser.log_in(honest(late), to=WAIT)
        await world.rows.bring_to_last_call(transaction_of(page))
        page = await browser.walk(page, honest(late))
        assert reason_of(page) == "waystation_idproof_pending"
        assert await world.tenant.patches(late) == []
        restart(world.stack, "proofing")
        metadata = await until_ours(world, late)
    assert (told(metadata[STEP]), metadata[SEEN]["status"]) == ({**PASSED, "rev": 2}, "pending")
    assert metadata[STEP]["jti"] == metadata[SEEN]["jti"]
    assert len(await world.tenant.patches(late)) == 1
