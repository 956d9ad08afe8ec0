"""What the audit trail says about logins, and what it never says."""

import asyncio
from typing import Any

from common.audit_chain import AuditSealer
from tests.gateway.arrivals import PROFILE, redirect
from tests.gateway.browsers import Browser
from tests.gateway.rig import Rig
from tests.support.zones import Zone

STORY = """
    SELECT event, about, outcome, reasons FROM audit_events WHERE transaction_id = $$%s$$ ORDER BY id
"""


async def story(rig: Rig, login: str) -> list[tuple[Any, ...]]:
    return await rig.rows(STORY % login)


async def test_the_story_of_a_login(rig: Rig, anna: Browser, mallory: Browser) -> None:
    """Opened, claimed, refused to another browser, its step concluded, answered twice: each is an entry."""
    arrival = redirect(rig.clock)
    login = await anna.begin(arrival)
    assert (await mallory.get(arrival.path)).status == 403
    await anna.press(login, "idproof/submit", mrz=Zone().text())
    await rig.pass_identity(login)
    for _ in range(2):
        await anna.press(login, "continue")
    assert await story(rig, login) == [
        ("login.opened", None, None, []),
        ("login.claimed", None, None, []),
        ("login.refused", "browser", None, ["other_browser"]),
        ("step.concluded", "idproof", "passed", []),
        ("answer.signed", None, "applied", []),
        ("answer.signed", None, "applied", []),
    ]
    subjects = await rig.rows("SELECT DISTINCT length(subject) FROM audit_events")
    assert subjects == [(16,)]


async def test_a_token_that_comes_with_another_state(rig: Rig, anna: Browser) -> None:
    """A good token that is used for something else is refused, and that it was tried is kept."""
    first = redirect(rig.clock)
    await anna.arrive(first)
    assert (await anna.get(redirect(rig.clock, jti=first.jti).path)).status == 409
    refused = "SELECT tenant, about, reasons, subject FROM audit_events WHERE event = 'login.refused'"
    assert await rig.rows(refused) == [("acme", "session_token", ["state_does_not_fit"], None)]


async def test_a_login_that_is_left(rig: Rig, anna: Browser) -> None:
    """A login that ends by its deadline, and a step that the person declines, say so."""
    left = await anna.begin(redirect(rig.clock))
    declined = await anna.begin(redirect(rig.clock))
    await anna.press(declined, "idproof/decline")
    await rig.advance(46 * 60)
    await rig.timekeeper.sweep()
    assert (await story(rig, left))[-1] == ("login.expired", None, "working", [])
    assert ("step.concluded", "idproof", "declined", ["declined_by_person"]) in await story(rig, declined)


async def test_nothing_personal_is_in_it(rig: Rig, anna: Browser) -> None:
    """The trail of a whole login, its seals included, knows neither the person nor what they typed."""
    arrival = redirect(rig.clock)
    login = await anna.begin(arrival)
    await anna.press(login, "idproof/submit", mrz=Zone().text())
    await rig.pass_identity(login)
    await anna.press(login, "continue")
    stop = asyncio.Event()
    stop.set()
    await AuditSealer(database=rig.database).run(stop)
    rows = await rig.rows("SELECT to_jsonb(audit_events)::text FROM audit_events")
    text = str(rows + await rig.rows("SELECT to_jsonb(audit_seals)::text FROM audit_seals")).lower()
    secrets = [*PROFILE.values(), "auth0|", arrival.state, arrival.session_token, arrival.jti, "L898902C3"]
    assert [secret for secret in secrets if secret.lower() in text] == []
