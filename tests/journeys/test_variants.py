"""Essential logins where the tenant makes other choices than the usual ones, where Auth0's are not known.

The normal suite makes all the other choices at once; `--all` makes each of them alone as well.
"""

from collections.abc import Mapping

import pytest

from tests.journeys.browser import LOGGED_IN, reason_of
from tests.journeys.control import PASSED, SEEN, told
from tests.journeys.people import honest, refusing
from tests.journeys.world import World
from tests.tenant.settings import table
from tests.tenant.tests.variants import other_variants

# That choice asks for an issuer of the tenant's own, and has a test of its own.
_ISSUER = "validate_issuer"
_SECOND = {row.name: row.variants[1] for row in table() if row.variants and row.name != _ISSUER}
_THIRD = {row.name: row.variants[2] for row in table() if len(row.variants) > 2}
_ALONE = [(name, variant) for name, variant in other_variants() if name != _ISSUER]


async def _essentials(world: World) -> None:
    """An honest login passes and is remembered, somebody's refusal ends in its named denial."""
    person = await world.person()
    browser = await world.browser()
    page = await browser.log_in(honest(person))
    assert page.has(LOGGED_IN)
    assert told((await world.tenant.app_metadata(person))[SEEN]) == PASSED
    refused = await world.person()
    page = await (await world.browser()).log_in(refusing(refused))
    assert reason_of(page) == "waystation_idproof_declined"


@pytest.mark.parametrize("settings", [_SECOND, _THIRD], ids=["every second variant", "every third variant"])
async def test_a_tenant_that_chooses_otherwise(world: World, settings: Mapping[str, str]) -> None:
    """Logins pass and are refused as everywhere, also where the tenant makes every other choice at once."""
    async with world.other_tenant(**settings):
        await _essentials(world)


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "variant"), _ALONE)
async def test_a_tenant_that_chooses_one_thing_otherwise(world: World, name: str, variant: str) -> None:
    """The same under each variant alone, whichever it is."""
    async with world.other_tenant(**{name: variant}):
        await _essentials(world)


async def test_a_tenant_that_compares_the_issuer(world: World) -> None:
    """Where the answer must come from the tenant's own host, it does when both sides are set to that."""
    host = world.stack.origins.tenant.removeprefix("http://")
    changes = {"answer_token": {"issuer": host}}
    action = {"ANSWER_TOKEN_ISSUER": host}
    async with (
        world.retuned(changes=changes),
        world.other_tenant(action, validate_issuer="hostname"),
    ):
        page = await (await world.browser()).log_in(honest(await world.person()))
    assert page.has(LOGGED_IN)


async def test_a_tenant_that_compares_the_issuer_with_nobody_told(world: World) -> None:
    """With an issuer of our own, every login there ends in its named denial; nobody is let through."""
    async with world.other_tenant(validate_issuer="hostname"):
        page = await (await world.browser()).log_in(honest(await world.person()))
    assert reason_of(page) == "waystation_invalid_answer"
