"""A link that reaches another browser: who may go on with it, and what a proof given there is worth."""

from tests.journeys.browser import (
    CLAIM,
    CONTINUE,
    HAND_BACK,
    IDENTITY,
    LOGGED_IN,
    PASSWORD,
    reason_of,
)
from tests.journeys.control import SEEN, STEP
from tests.journeys.people import honest
from tests.journeys.variants import where
from tests.journeys.world import World

_OTHER_AGENT = "Mozilla/5.0 (Windows NT 10.0) Another/2.0"


async def test_who_claims_a_login_keeps_it(world: World) -> None:
    """Until the click anybody with the link sees the start page; after it everybody else is sent away."""
    person = await world.person()
    first, other = await world.browser(), await world.browser()
    start = await first.log_in(honest(person), to=CLAIM)
    seen = await other.open(first.link)
    assert seen.has(CLAIM)
    at_identity = await first.answer(start, honest(person))
    for page in (
        await other.submit(seen, CLAIM),
        await other.open(at_identity.url),
        await other.open(first.link),
        await (await world.browser()).open(first.link),
    ):
        assert page.status == 403
        assert page.form("a.button")["href"] == f"{world.stack.origins.app}/login"
    page = await first.walk(at_identity, honest(person))
    assert page.has(LOGGED_IN)


async def test_who_comes_too_late_can_begin_again(world: World) -> None:
    """Whose link somebody else has claimed starts again at the application, and gets in."""
    person = await world.person()
    slow, quick = await world.browser(), await world.browser()
    start = await slow.log_in(honest(person), to=CLAIM)
    await quick.submit(await quick.open(slow.link), CLAIM)
    refused = await slow.submit(start, CLAIM)
    assert refused.status == 403
    page = await slow.open(str(refused.form("a.button")["href"]))
    page = await slow.walk(page, honest(person))
    assert page.has(LOGGED_IN)


@where(continue_cookie="required")
async def test_a_proof_by_somebody_else_counts_for_nothing(world: World) -> None:
    """The transplant: who is lured into proving themselves in another's login does not let the other in."""
    attacker = await world.person()
    trap, lured = await world.browser(), await world.browser(User_Agent=_OTHER_AGENT)
    await trap.log_in(honest(attacker), to=CLAIM)
    page = await lured.walk(await lured.open(trap.link), honest(attacker), to=HAND_BACK)
    page = await lured.submit(page, HAND_BACK)
    assert page.has(PASSWORD)  # the tenant does not know this browser, and begins a login of its own
    metadata = await world.tenant.app_metadata(attacker)
    assert metadata[STEP]["status"] == "passed"
    assert SEEN not in metadata
    page = await trap.open(f"{trap.origins.app}/login")
    assert page.has(CLAIM)  # asked again, as if nobody had proved anything
    assert await trap.claims() is None


async def test_who_lured_cannot_take_the_answer_home(world: World) -> None:
    """Without the answer that only the proving browser got, the login's own browser is refused."""
    attacker = await world.person()
    trap, lured = await world.browser(), await world.browser(User_Agent=_OTHER_AGENT)
    await trap.log_in(honest(attacker), to=CLAIM)
    await lured.walk(await lured.open(trap.link), honest(attacker), to=HAND_BACK)
    state = trap.link.query["state"]
    page = await trap.open(f"{trap.origins.tenant}/continue?state={state}")
    assert reason_of(page) == "waystation_invalid_answer"
    token = trap.link.query["session_token"]
    page = await trap.open(f"{trap.origins.app}/login")
    assert page.has(CLAIM)
    state = trap.link.query["state"]
    page = await trap.open(f"{trap.origins.tenant}/continue?state={state}&session_token={token}")
    assert reason_of(page) == "waystation_invalid_answer"
    assert SEEN not in await world.tenant.app_metadata(attacker)


async def test_a_tenant_that_forgets_its_browser_still_knows_it(world: World) -> None:
    """Where the tenant binds no cookie, the Action itself refuses another browser, and confirms nothing."""
    async with world.other_tenant(continue_cookie="off"):
        attacker = await world.person()
        trap, lured = await world.browser(), await world.browser(User_Agent=_OTHER_AGENT)
        await trap.log_in(honest(attacker), to=CLAIM)
        await lured.walk(await lured.open(trap.link), honest(attacker))
        (resumed,) = await world.tenant.continues(attacker)
        assert "error_description=waystation_wrong_browser" in resumed.entry["location"]
        assert SEEN not in await world.tenant.app_metadata(attacker)
        person = await world.person()
        page = await (await world.browser()).log_in(honest(person))
        assert page.has(LOGGED_IN)


async def test_a_link_opens_one_login_only(world: World) -> None:
    """A session token that comes again, with its own state or another, opens nothing and spoils nothing."""
    person = await world.person()
    browser, thief = await world.browser(), await world.browser()
    page = await browser.log_in(honest(person), to=IDENTITY)
    replayed = await thief.open(browser.link)
    mixed = await thief.open(browser.link.update_query(state="another"))
    assert (replayed.status, mixed.status) == (403, 409)
    page = await browser.walk(page, honest(person), to=CONTINUE)
    assert (await thief.open(browser.link)).status == 403
    page = await browser.walk(page, honest(person))
    assert page.has(LOGGED_IN)
    assert (await thief.open(browser.link)).status == 403
    assert len(await world.rows.transactions(person)) == 1
