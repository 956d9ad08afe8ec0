"""What a person types into the steps beside idproof is seen by nobody whom it does not concern."""

from dataclasses import replace

from tests.journeys.browser import LOGGED_IN
from tests.journeys.eavesdropper import overheard
from tests.journeys.leaks import slips
from tests.journeys.people import honest, new_person
from tests.journeys.world import World

_STEPS = ("password", "profile", "stepup")
_CHANGE, _PROFILE, _CODE, _AGAIN = "form#change", "form#profile", "form#verify", "main a.button"
_NAMELESS = {"given_name": "", "family_name": "", "name": "", "user_metadata": {}}
_PASSWORD = "Quokka-47-in-the-Reeds!"
_PROFILE_ANSWERS = {
    "p_given_name": "Wilhelmina",
    "p_family_name": "Oughtershaw",
    "p_birthdate": "1967-03-29",
    "p_phone_number": "08 471 13 47",
    "p_country": "SE",
}
_CANARIES = {
    "password": _PASSWORD,
    "given name": "Wilhelmina",
    "family name": "Oughtershaw",
    "birth date": "1967-03-29",
    "telephone": "471 13 47",
    "telephone as it is written": "+4684711347",
}


async def test_nothing_that_is_typed_is_seen(world: World) -> None:
    """A new password, the answers of a profile and a code stand in no line, row, message or command line."""
    flags = {"waystation_require": ",".join(f"{step}:1" for step in _STEPS), "waystation_skip": "idproof"}
    person = await world.tenant.add(new_person(), app_metadata=flags, **_NAMELESS)
    browser, inbox = await world.browser(), world.inbox(person)
    async with overheard(world.stack.amqp) as messages:
        page = await browser.log_in(honest(person), to=_CHANGE)
        both = {"new_password": _PASSWORD, "new_password_again": _PASSWORD}
        page = await browser.submit(page, _CHANGE, both)
        page = await browser.open(str(page.form(_AGAIN)["href"]))
        changed = honest(replace(person, password=_PASSWORD))
        page = await browser.walk(page, changed, to=_PROFILE)
        page = await browser.submit(page, _PROFILE, _PROFILE_ANSWERS)
        page = await browser.submit(page, _CODE, {"code": await inbox.code_that_comes()})
        page = await browser.walk(page, changed)
        await world.quiet()
    assert page.has(LOGGED_IN)
    user = await world.tenant.user(person)
    assert (user["family_name"], user["user_metadata"]["phone_number"]) == ("Oughtershaw", "+4684711347")
    assert messages
    canaries = {**_CANARIES, "code": await inbox.code_that_comes()}
    assert await slips(world, canaries, messages=messages) == {}
