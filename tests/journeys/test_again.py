"""Who has been here before: what is done is not asked again, what failed is asked again in time."""

from datetime import date, timedelta

from tests.journeys.browser import CLAIM, LOGGED_IN, reason_of
from tests.journeys.control import PASSED, SEEN, STEP, older, told
from tests.journeys.people import honest, passport, typing
from tests.journeys.world import CLAIM as TOKEN_CLAIM
from tests.journeys.world import World


async def test_a_passed_step_is_not_asked_again(world: World) -> None:
    """The next login goes straight through, in this browser and in another, and says the same."""
    person = await world.person()
    first = await world.browser()
    await first.log_in(honest(person))
    before = await first.claims()
    again = await first.log_in(honest(person), to=CLAIM)
    elsewhere = await world.browser()
    there = await elsewhere.log_in(honest(person), to=CLAIM)
    after = await elsewhere.claims()
    assert again.has(LOGGED_IN)
    assert there.has(LOGGED_IN)
    assert before is not None
    assert after is not None
    assert after[TOKEN_CLAIM] == before[TOKEN_CLAIM]
    assert [len(login["redirects"]) for login in await world.tenant.logins(person)] == [1, 0, 0]
    assert len(await world.rows.transactions(person)) == 1


async def test_a_failed_step_is_asked_again_after_a_while(world: World) -> None:
    """Until `retry_after` has passed a login is refused at once; then the person may try again, and pass."""
    person = await world.person()
    browser = await world.browser()
    wrong = passport(person, birth_date=date(1981, 2, 3))
    await browser.log_in(typing(person, wrong))
    page = await browser.log_in(honest(person), to=CLAIM)
    assert reason_of(page) == "waystation_idproof_failed"
    assert len(await world.rows.transactions(person)) == 1
    metadata = await world.tenant.app_metadata(person)
    await world.tenant.change(person, app_metadata=older(metadata, by=timedelta(hours=2)))
    page = await browser.log_in(honest(person))
    assert page.has(LOGGED_IN)
    metadata = await world.tenant.app_metadata(person)
    assert told(metadata[STEP]) == PASSED | {"rev": 2}
    assert metadata == {STEP: metadata[STEP], SEEN: metadata[STEP]}
