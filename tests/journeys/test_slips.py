"""Slips of the keyboard: shown at the form, counted, and no verdict until there are too many."""

import pytest

from tests.journeys.browser import IDENTITY, LOGGED_IN, reason_of
from tests.journeys.control import STEP, told
from tests.journeys.people import honest, typing
from tests.journeys.world import World
from tests.support.zones import Zone

_PASSPORT = Zone()
_UPPER, _LOWER = _PASSPORT.lines()

SLIPS = [
    pytest.param("P<SWE", ["wrong_line_count"], id="one line"),
    pytest.param("\n".join([_UPPER] * 4), ["wrong_line_count"], id="four lines"),
    pytest.param(f"{_UPPER}\n{_LOWER[:-1]}", ["wrong_length"], id="a letter too few"),
    pytest.param(f"{_UPPER}<\n{_LOWER}", ["wrong_length"], id="a letter too many"),
    pytest.param(Zone(code="Q").text(), ["unknown_format"], id="no such document"),
    pytest.param(f"{_UPPER.replace('ANNA', 'ÄNNÄ')}\n{_LOWER}", ["bad_character"], id="letters with dots"),
    pytest.param(Zone(number="").text(), ["missing"], id="no number"),
    pytest.param(Zone(state="QQQ").text(), ["unknown_state"], id="no such country"),
    pytest.param(_PASSPORT.text().replace("L898902C3", "L898902C4"), ["check_digit"], id="a wrong digit"),
    pytest.param(Zone(birth="741312").text(), ["bad_date"], id="no such day"),
    pytest.param("<" * 401, [], id="much too long"),
    pytest.param("   \n ", [], id="blank"),
]


@pytest.mark.parametrize(("typed", "codes"), SLIPS)
async def test_a_slip_of_the_keyboard_is_shown_at_the_form(
    world: World, typed: str, codes: list[str]
) -> None:
    """What cannot be a zone is no verdict: the form comes again, says what is wrong, and the login stays."""
    person = await world.person()
    browser = await world.browser()
    page = await browser.log_in(honest(person), to=IDENTITY)
    (before,) = await world.rows.transactions(person)
    written = len(world.output("gateway"))
    page = await browser.answer(page, typing(person, typed))
    assert page.status == 422
    assert page.has("#problems")
    lines = world.log_lines("gateway", since=written)
    assert [line["problems"] for line in lines if line["event"] == "step.mistyped"] == (
        [codes] if codes else []
    )
    assert (await world.rows.transactions(person)) == [before]
    page = await browser.reload()
    page = await browser.walk(page, honest(person))
    assert page.has(LOGGED_IN)


@pytest.mark.logs("step.mistyped")
async def test_too_many_slips_fail_the_step(world: World) -> None:
    """After five slips the step has failed: the tenant is told, and another login does not help."""
    person = await world.person()
    browser = await world.browser()
    wrong = [typing(person, f"{_UPPER}\n{_LOWER[:-cut]}") for cut in range(1, 6)]
    page = await browser.log_in(wrong[0], to=IDENTITY)
    assert "You have 5 attempts left." in page.html.get_text()
    lefts = ("4 attempts left", "3 attempts left", "2 attempts left", "one attempt left")
    for answers, left in zip(wrong, lefts, strict=False):
        page = await browser.answer(page, answers)
        assert f"You have {left}." in page.html.get_text()
    page = await browser.answer(page, wrong[4])
    page = await browser.walk(page, wrong[4])
    assert reason_of(page) == "waystation_idproof_failed"
    metadata = await world.tenant.app_metadata(person)
    assert told(metadata[STEP]) == {
        "v": 1,
        "rev": 1,
        "status": "failed",
        "level": None,
        "reason": "too_many_attempts",
    }
    page = await browser.log_in(honest(person), to=IDENTITY)
    assert reason_of(page) == "waystation_idproof_failed"
    assert await world.rows.verifications(person) == []
