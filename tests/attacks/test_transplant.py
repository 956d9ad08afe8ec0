"""Somebody makes another person do their check (cases 57, 91, 92, 99), at a tenant that runs our Action.

The beginning is in tests/journeys/test_other_browsers.py: who claims a login keeps it, a proof by somebody
else counts for nothing (58), and a session token is no answer (56).
"""

from tests.journeys.browser import (
    CLAIM,
    HAND_BACK,
    IDENTITY,
    LOGGED_IN,
    PASSWORD,
    Browser,
    reason_of,
)
from tests.journeys.control import SEEN, STEP
from tests.journeys.people import honest, refusing
from tests.journeys.variants import where
from tests.journeys.world import World
from tests.support.demo_tenant import Person
from tests.support.journey import Page

_ONE = {"User_Agent": "Mozilla/5.0 (X11; Linux x86_64) One/1.0", "X_Emulator_Country": "AT"}
_OTHER_AGENT = {"User_Agent": "Mozilla/5.0 (Windows NT 10.0) Another/2.0"}
_OTHER_COUNTRY = {"X_Emulator_Country": "SE"}
_OTHER_NETWORK = {"X_Emulator_Asn": "64500"}


async def _passed(world: World, person: Person) -> tuple[Browser, Page]:
    """A browser whose person has proved who they are, and that is about to go back."""
    browser = await world.browser()
    return browser, await browser.log_in(honest(person), to=HAND_BACK)


def _token(page: Page) -> str:
    return str(page.form(f"{HAND_BACK} input[name=session_token]")["value"])


@where(double_continue="invalid_request")
async def test_an_answer_fits_its_own_question_only(world: World) -> None:
    """57: the answer to another person's login, or to another one of the same person, is refused."""
    anna, mallory = await world.person(), await world.person()
    one, first = await _passed(world, anna)
    two, second = await _passed(world, anna)
    three, foreign = await _passed(world, mallory)
    for browser, page in ((two, second), (three, foreign)):
        denied = await browser.submit(page, HAND_BACK, {"session_token": _token(first)})
        assert reason_of(denied) == "waystation_invalid_answer"
    assert SEEN not in await world.tenant.app_metadata(anna)
    assert SEEN not in await world.tenant.app_metadata(mallory)
    assert (await one.submit(first, HAND_BACK)).has(LOGGED_IN)
    await one.submit(first, HAND_BACK)
    ends = await _ends(world, anna)
    assert [end for end in ends if "/callback?code=" in end] == ends[1:2]


async def test_an_answer_cannot_be_kept_for_later(world: World) -> None:
    """99: neither does a kept pass help a login that was declined, nor a refusal harm one that passed."""
    person = await world.person()
    _, kept = await _passed(world, person)
    browser = await world.browser()
    declined = await browser.log_in(refusing(person), to=HAND_BACK)
    denied = await browser.submit(declined, HAND_BACK, {"session_token": _token(kept)})
    assert reason_of(denied) == "waystation_invalid_answer"
    assert SEEN not in await world.tenant.app_metadata(person)
    other, passed = await _passed(world, person)
    denied = await other.submit(passed, HAND_BACK, {"session_token": _token(declined)})
    assert reason_of(denied) == "waystation_invalid_answer"
    assert SEEN not in await world.tenant.app_metadata(person)


async def _ends(world: World, person: Person) -> list[str]:
    """Where the tenant sent each browser that came back with one of the person's logins."""
    return [call.entry["location"] or "" for call in await world.tenant.continues(person)]


async def _lured(world: World, attacker: Person, **victims: str) -> tuple[Browser, Page]:
    """The attacker's browser, and what the tenant shows the victim's after its person's proof."""
    trap, lured = await world.browser(**_ONE), await world.browser(**(_ONE | victims))
    await trap.log_in(honest(attacker), to=CLAIM)
    page = await lured.walk(await lured.open(trap.link), honest(attacker), to=HAND_BACK)
    return trap, await lured.submit(page, HAND_BACK)


@where(continue_cookie="required")
async def test_where_the_tenant_knows_its_browser_nothing_is_won(world: World) -> None:
    """91: the victim's browser is sent away, however alike; the attacker is asked again for all of it."""
    attacker = await world.person()
    trap, end = await _lured(world, attacker)
    assert end.has(PASSWORD)
    metadata = await world.tenant.app_metadata(attacker)
    assert (metadata[STEP]["status"], SEEN in metadata) == ("passed", False)
    page = await trap.open(f"{trap.origins.app}/login")
    assert page.has(CLAIM)
    assert (await trap.answer(page, honest(attacker))).has(IDENTITY)


async def test_what_remains_where_the_tenant_takes_any_browser(world: World) -> None:
    """92: another agent or country is refused; a victim alike in both lets the attacker in, from then on."""
    async with world.other_tenant(continue_cookie="off"):
        for other in (_OTHER_AGENT, _OTHER_COUNTRY):
            attacker = await world.person()
            trap, _ = await _lured(world, attacker, **other)
            (end,) = await _ends(world, attacker)
            assert "error_description=waystation_wrong_browser" in end
            assert SEEN not in await world.tenant.app_metadata(attacker)
            assert (await trap.open(f"{trap.origins.app}/login")).has(CLAIM)
        # This is what docs/security.md says remains: it is not closed, and nobody may claim so.
        attacker = await world.person()
        trap, _ = await _lured(world, attacker, **_OTHER_NETWORK)
        assert (await world.tenant.app_metadata(attacker))[SEEN]["status"] == "passed"
        assert (await trap.open(f"{trap.origins.app}/login")).has(LOGGED_IN)


async def test_what_remains_is_less_where_the_network_is_compared(world: World) -> None:
    """92: BROWSER_CHECK=network refuses the victim of another network too; a neighbour still lets them in."""
    async with world.other_tenant({"BROWSER_CHECK": "network"}, continue_cookie="off"):
        neighbour = await world.person()
        await _lured(world, neighbour)
        assert (await world.tenant.app_metadata(neighbour))[SEEN]["status"] == "passed"
        attacker = await world.person()
        await _lured(world, attacker, **_OTHER_NETWORK)
        (end,) = await _ends(world, attacker)
        assert "error_description=waystation_wrong_browser" in end
        assert SEEN not in await world.tenant.app_metadata(attacker)
