"""Several steps in one login: their order, what a browser need not do again, and how a login ends early."""

from typing import Any

import pytest

from common.messages import Outcome, UpdateMetadata
from gateway.transaction import Status
from gateway.transaction_step import StepStatus
from tests.common.tenants_on_disk import section, terms, write_tenants
from tests.gateway.arrivals import redirect
from tests.gateway.browsers import Browser
from tests.gateway.rig import Rig
from tests.gateway.test_terms import EVERYTHING, say
from tests.support.zones import Zone

BOTH = ["terms:3", "idproof:1"]


@pytest.fixture(autouse=True)
def with_both(rig: Rig) -> None:
    """Acme has both steps."""
    steps = {"terms": terms(), **section()["steps"]}
    write_tenants(rig.settings.tenants_file.parent, {"acme": section(steps=steps)})
    rig.tenants.refresh()


async def begin(rig: Rig, browser: Browser, **claims: Any) -> str:
    return await browser.begin(redirect(rig.clock, **{"steps": BOTH, **claims}))


async def statuses(rig: Rig, login: str) -> dict[str, tuple[StepStatus, str | None]]:
    steps = (await rig.login(login)).transaction.steps
    return {step.name: (step.status, step.conclusion.reason if step.conclusion else None) for step in steps}


def logged(rig: Rig, event: str) -> list[dict[str, Any]]:
    return [line for line in rig.lines.all if line["event"] == event]


async def test_both_in_order(rig: Rig, anna: Browser) -> None:
    """One redirect runs all steps in the order of the token, and writes all results at once."""
    login = await begin(rig, anna)
    assert (await anna.press(login, "idproof/submit", mrz=Zone().text())).status == 409
    await say(anna, login, EVERYTHING)
    page = await anna.look(login)
    assert page.html.select_one("textarea#mrz") is not None
    assert "2" in page.html.select(".progress")[0].get_text()
    await anna.press(login, "idproof/submit", mrz=Zone().text())
    await rig.outcomes.handle(await rig.verdict(login))
    (update,) = await rig.told(UpdateMetadata)
    assert {key: (desired.value or {})["status"] for key, desired in update.keys.items()} == {
        "waystation_terms": "passed",
        "waystation_idproof": "passed",
    }
    assert [(line["step"], line["outcome"]) for line in logged(rig, "step.concluded")] == [
        ("terms", "passed"),
        ("idproof", "passed"),
    ]


async def test_a_new_login_in_the_same_browser(rig: Rig, anna: Browser) -> None:
    """Whoever left after the first step goes on at the second one, in the same browser."""
    first = await begin(rig, anna)
    await say(anna, first, EVERYTHING)
    second = await begin(rig, anna)
    assert await statuses(rig, second) == {
        "terms": (StepStatus.PASSED, None),
        "idproof": (StepStatus.ASKED, None),
    }
    assert [line["step"] for line in logged(rig, "step.taken_over")] == ["terms"]


async def test_another_browser(rig: Rig, anna: Browser, mallory: Browser) -> None:
    """What a victim has done in an attacker's login counts in no login of the attacker's own browser."""
    victims = await begin(rig, anna)
    await say(anna, victims, EVERYTHING)
    attackers = await begin(rig, mallory)
    assert (await statuses(rig, attackers))["terms"] == (StepStatus.ASKED, None)
    mallory.take_cookie("__Host-ws-device", "A" * 43 + "." + "B" * 43)
    forged = await begin(rig, mallory)
    assert (await statuses(rig, forged))["terms"] == (StepStatus.ASKED, None)


async def test_another_person_in_the_same_browser(rig: Rig, anna: Browser) -> None:
    """A browser's result is one person's and one revision's; an older or requested one is asked again."""
    await say(anna, await begin(rig, anna), EVERYTHING)
    for claims in ({"sub": "auth0|bert"}, {"requested": ["terms"]}):
        login = await begin(rig, anna, **claims)
        assert (await statuses(rig, login))["terms"] == (StepStatus.ASKED, None)
    steps = {"terms": terms(revision=4), **section()["steps"]}
    write_tenants(rig.settings.tenants_file.parent, {"acme": section(steps=steps)})
    rig.tenants.refresh()
    login = await begin(rig, anna, steps=["terms:4", "idproof:1"])
    assert (await statuses(rig, login))["terms"] == (StepStatus.ASKED, None)


async def test_a_result_that_is_over(rig: Rig, anna: Browser) -> None:
    """A result is taken over for as long as it is good, and no longer."""
    steps = {"terms": terms(valid_for="1h"), **section()["steps"]}
    write_tenants(rig.settings.tenants_file.parent, {"acme": section(steps=steps)})
    rig.tenants.refresh()
    await say(anna, await begin(rig, anna), EVERYTHING)
    await rig.advance(3599)
    assert (await statuses(rig, await begin(rig, anna)))["terms"] == (StepStatus.PASSED, None)
    await rig.advance(2)
    assert (await statuses(rig, await begin(rig, anna)))["terms"] == (StepStatus.ASKED, None)


async def test_a_verdict_that_came_late(rig: Rig, anna: Browser) -> None:
    """A verdict that no login waited for any more counts in the browser's next one."""
    login = await anna.begin(redirect(rig.clock))
    await anna.press(login, "idproof/submit", mrz=Zone().text())
    await rig.advance(44 * 60)
    await rig.timekeeper.sweep()
    await rig.outcomes.handle(await rig.verdict(login))
    again = await anna.begin(redirect(rig.clock))
    assert await statuses(rig, again) == {"idproof": (StepStatus.PASSED, None)}


async def test_a_step_that_did_not_pass(rig: Rig, anna: Browser) -> None:
    """After a refusal nobody is asked for more: the rest is abandoned, with its own reason."""
    login = await begin(rig, anna)
    await say(anna, login, {}, act="decline")
    assert await statuses(rig, login) == {
        "terms": (StepStatus.DECLINED, "declined_by_person"),
        "idproof": (StepStatus.ABANDONED, "earlier_step_did_not_pass"),
    }
    assert (await rig.login(login)).transaction.status is Status.READY
    assert (await anna.press(login, "continue")).status == 200


async def test_stopping(rig: Rig, anna: Browser) -> None:
    """A person may stop: a page says what that means, and then what is done goes back with that reason."""
    login = await begin(rig, anna)
    await say(anna, login, EVERYTHING)
    before = await rig.everything()
    page = await anna.get(f"/t/{login}/stop")
    assert page.html.select_one("form#stop") is not None
    assert await rig.everything() == before
    assert (await anna.post(f"/t/{login}/stop", {"csrf": page.value("csrf")})).status == 303
    assert await statuses(rig, login) == {
        "terms": (StepStatus.PASSED, None),
        "idproof": (StepStatus.ABANDONED, "stopped_by_person"),
    }
    (update,) = await rig.told(UpdateMetadata)
    assert list(update.keys) == ["waystation_terms"]
    assert len(logged(rig, "login.stopped")) == 1
    again = await anna.post(f"/t/{login}/stop", {"csrf": page.value("csrf")})
    assert (again.status, again.location) == (303, f"/t/{login}")
    assert (await anna.get(f"/t/{login}/stop")).location == f"/t/{login}"


async def test_stopping_while_a_document_is_checked(rig: Rig, anna: Browser) -> None:
    """Whoever stops before the verdict goes back with the step pending; the verdict finds its own way."""
    login = await anna.begin(redirect(rig.clock))
    await anna.press(login, "idproof/submit", mrz=Zone().text())
    page = await anna.get(f"/t/{login}/stop")
    await anna.post(f"/t/{login}/stop", {"csrf": page.value("csrf")})
    assert await statuses(rig, login) == {"idproof": (StepStatus.PENDING, "stopped_by_person")}
    await rig.outcomes.handle(await rig.verdict(login, Outcome.APPROVED))
    values = [
        (update.keys["waystation_idproof"].value or {})["status"] for update in await rig.told(UpdateMetadata)
    ]
    assert values == ["pending", "passed"]


async def test_stopping_before_the_claim(rig: Rig, anna: Browser, mallory: Browser) -> None:
    """Nobody stops a login that they have not claimed, nor somebody else's."""
    arrival = redirect(rig.clock, steps=BOTH)
    login = await anna.arrive(arrival)
    before = await rig.everything()
    assert (await anna.press(login, "stop")).status == 409
    assert await rig.everything() == before
    assert (await mallory.get(f"/t/{login}/stop")).status == 403


async def test_the_browsers_cookie(rig: Rig, anna: Browser) -> None:
    """The long-lived cookie is set by the claim, kept afterwards, and as strict as the others."""
    login = await anna.arrive(redirect(rig.clock))
    assert "__Host-ws-device" not in anna.cookies
    cookie = (await anna.press(login, "claim")).cookies["__Host-ws-device"]
    strict = (cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["domain"], cookie["path"])
    assert strict == (True, True, "Lax", "", "/")
    value = anna.cookies["__Host-ws-device"]
    await anna.begin(redirect(rig.clock))
    assert anna.cookies["__Host-ws-device"] == value
