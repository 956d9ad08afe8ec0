"""What a tenant may choose about the way back, and where tenants may differ."""

import pytest

from tests.journeys.browser import CONTINUE, HAND_BACK, LOGGED_IN, reason_of
from tests.journeys.control import PASSED, SEEN, told
from tests.journeys.people import honest
from tests.journeys.variants import where
from tests.journeys.world import World


@pytest.mark.parametrize(
    ("source", "refusal"), [("any", None), ("query", None), ("body", "waystation_invalid_answer")]
)
async def test_a_tenant_may_want_the_answer_by_get(world: World, source: str, refusal: str | None) -> None:
    """With `method: get` the button leads straight to the tenant; one that looks in bodies alone refuses."""
    settings = {"continue_state_source": source}
    async with world.retuned(changes={"continue": {"method": "get"}}), world.other_tenant(**settings):
        person = await world.person()
        browser = await world.browser()
        page = await browser.log_in(honest(person), to=CONTINUE)
        page = await browser.submit(page, CONTINUE)
        (resumed,) = await world.tenant.continues(person)
    assert resumed.method == "GET"
    assert page.has(LOGGED_IN) is (refusal is None)
    if refusal is not None:
        assert reason_of(page) == refusal


@where(continue_state_source="any")
@pytest.mark.parametrize(("state_in", "in_query", "in_body"), [("query", True, False), ("body", False, True)])
async def test_a_tenant_may_want_its_state_in_one_place(
    world: World, state_in: str, *, in_query: bool, in_body: bool
) -> None:
    """`state_in` puts the state into the query or into the form; by default it is in both."""
    async with world.retuned(changes={"continue": {"state_in": state_in}}):
        person = await world.person()
        page = await (await world.browser()).log_in(honest(person))
    assert page.has(LOGGED_IN)
    (resumed,) = await world.tenant.continues(person)
    assert ("state=" in resumed.path, "state=" in resumed.body) == (in_query, in_body)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"continue_state_source": "body", "validate_issuer": "presence"}, id="state from body"),
        pytest.param({"continue_state_source": "query", "double_continue": "repeat"}, id="state from query"),
    ],
)
async def test_tenants_differ_and_logins_pass(world: World, settings: dict[str, str]) -> None:
    """Wherever a real tenant takes the state from, the default way back passes."""
    async with world.other_tenant(**settings):
        person = await world.person()
        browser = await world.browser()
        page = await browser.log_in(honest(person), to=HAND_BACK)
        page = await browser.submit(page, HAND_BACK)
        metadata = await world.tenant.app_metadata(person)
    assert page.has(LOGGED_IN)
    assert told(metadata[SEEN]) == PASSED
