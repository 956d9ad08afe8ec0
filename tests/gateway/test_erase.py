"""An erasure at the gateway: what is deleted, what is cancelled, and what comes late."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.db import Connection
from common.messages import ForgetUser, Outcome, UserForgotten, VerifyIdentity, envelope_of
from common.tenants import Tenant
from common.vault import Vault
from gateway.erase import Eraser, Reports, keys_at_tenant, settle_at
from gateway.login import Login
from gateway.transaction import Status, Transaction
from tests.gateway.arrivals import redirect
from tests.gateway.browsers import Browser
from tests.gateway.rig import Rig
from tests.support.zones import Zone

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SUBJECT = "auth0|65f0c0ffee"


@pytest.fixture
def eraser(rig: Rig) -> Eraser:
    return Eraser(database=rig.database, vault=Vault(rig.settings.data_keys), clock=rig.clock)


@pytest.fixture
def acme(rig: Rig) -> Tenant:
    tenant = rig.tenants.current.get("acme")
    assert tenant is not None
    return tenant


async def _report(rig: Rig, command: ForgetUser, service: Any) -> UserForgotten:
    """What a service says when it is done, handled twice."""

    async def refuse(_message: object) -> None:
        raise AssertionError("a report is nobody else's")

    told = UserForgotten(
        **envelope_of(command, occurred_at=rig.clock.now()),
        user_id=command.user_id,
        rev=command.rev,
        service=service,
    )
    for _ in range(2):
        await Reports(database=rig.database, otherwise=refuse).handle(told)
    return told


@pytest.mark.parametrize(
    ("answered_until", "expected"),
    [(None, None), (-60, None), (-59, 1), (0, 60), (120, 180)],
)
def test_when_keys_are_deleted_once_more(answered_until: int | None, expected: int | None) -> None:
    """A minute after the last answer token expires; not at all where that is over, or none was out."""
    until = None if answered_until is None else NOON + timedelta(seconds=answered_until)
    at = None if expected is None else NOON + timedelta(seconds=expected)
    assert settle_at(until, now=NOON) == at


def test_keys_at_the_tenant() -> None:
    """Ours and the Action's of every step, under every namespace that the person was written in."""
    assert keys_at_tenant(["terms", "idproof"], ["b", "a", "a"]) == (
        *("a_terms", "a_terms_seen", "a_idproof", "a_idproof_seen"),
        *("b_terms", "b_terms_seen", "b_idproof", "b_idproof_seen"),
    )


async def test_open_logins_are_cancelled_and_nothing_is_left(
    rig: Rig, anna: Browser, mallory: Browser, eraser: Eraser, acme: Tenant
) -> None:
    """Open logins end for their browsers; rows of the person are gone, those of logins name nobody."""
    waiting = await anna.begin(redirect(rig.clock, ip="8.8.8.8"))
    await anna.press(waiting, "idproof/submit", mrz=Zone().text())
    arrived = await mallory.arrive(redirect(rig.clock, ip="8.8.8.8"))
    other = await anna.arrive(redirect(rig.clock, sub="auth0|bert"))
    verdict = await rig.verdict(waiting, Outcome.APPROVED)
    erased = await eraser.erase(acme, SUBJECT)
    assert (erased.erasure.rev, erased.logins, erased.cancelled, erased.was_known) == (1, 2, 2, True)
    for browser, login in ((anna, waiting), (mallory, arrived)):
        assert (await rig.login(login)).transaction.status is Status.CANCELLED
        assert (await browser.look(login)).status == 410
    assert (await rig.login(other)).transaction.status is Status.OPENED
    await rig.outcomes.handle(verdict)
    assert (await rig.login(waiting)).transaction.status is Status.CANCELLED
    assert await rig.rows("SELECT subject FROM data_keys") == [("auth0|bert",)]
    assert await rig.rows("SELECT * FROM step_attempts") == []
    assert await rig.rows(
        "SELECT count(*) FROM transactions"
        " WHERE subject = '' AND coalesce(state, profile, changes, network) IS NULL"
    ) == [(2,)]
    (command,) = await rig.told(ForgetUser)
    assert (command.user_id, command.rev, command.settle_at) == (SUBJECT, 1, None)
    assert {"waystation_idproof", "waystation_idproof_seen", "waystation_terms_seen"} <= set(command.keys)


async def test_a_second_time_changes_nothing(rig: Rig, anna: Browser, eraser: Eraser, acme: Tenant) -> None:
    """Erased again before the services have reported they are reminded of the same, afterwards nobody is."""
    await anna.arrive(redirect(rig.clock))
    first = await eraser.erase(acme, SUBJECT)
    again = await eraser.erase(acme, SUBJECT)
    assert (again.erasure, again.was_known) == (first.erasure, False)
    told, reminded = await rig.told(ForgetUser)
    assert (told.transaction_id, told.rev) == (reminded.transaction_id, reminded.rev)
    assert told.event_id != reminded.event_id
    await _report(rig, told, "proofing")
    assert not (await eraser.erase(acme, SUBJECT)).erasure.is_complete
    await _report(rig, told, "metadata-sync")
    assert (await eraser.erase(acme, SUBJECT)).erasure.is_complete
    assert len(await rig.told(ForgetUser)) == 3


async def test_who_comes_back_goes_on_above_the_erasure(
    rig: Rig, anna: Browser, eraser: Eraser, acme: Tenant
) -> None:
    """What is asked for after an erasure has a rev from it on: no service takes it for what came before."""
    await anna.arrive(redirect(rig.clock))
    erased = await eraser.erase(acme, SUBJECT)
    login = await anna.begin(redirect(rig.clock))
    await anna.press(login, "idproof/submit", mrz=Zone().text())
    (command,) = await rig.told(VerifyIdentity)
    assert command.rev == erased.erasure.rev
    await rig.pass_identity(login)
    step = (await rig.login(login)).transaction.step("idproof")
    assert step.rev == erased.erasure.rev + 1


async def test_an_answer_that_is_out_is_waited_for(
    rig: Rig, anna: Browser, eraser: Eraser, acme: Tenant
) -> None:
    """A minute after the token of the last page that went back to the tenant has expired."""
    login = await anna.begin(redirect(rig.clock))
    await anna.press(login, "idproof/submit", mrz=Zone().text())
    await rig.pass_identity(login)
    await rig.outcomes.handle(await rig.applied(login))
    await anna.press(login, "continue")
    signed_at = rig.clock.now()
    erased = await eraser.erase(acme, SUBJECT)
    assert erased.erasure.settle_at == signed_at + timedelta(seconds=180)
    assert (await anna.post(f"/t/{login}/continue", {})).status in (403, 410)


async def test_a_change_under_way_is_seen_or_comes_too_late(
    rig: Rig, anna: Browser, eraser: Eraser, acme: Tenant
) -> None:
    """An erasure waits for a change of a login that has begun, and deletes what it wrote."""
    login = await anna.begin(redirect(rig.clock))
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def change(connection: Connection, login: Login) -> Transaction:
        begun.set()
        await go_on.wait()
        await connection.execute(
            "INSERT INTO last_answers (tenant, subject, step, jti) VALUES ('acme', $1, 'terms', 'j')", SUBJECT
        )
        return login.transaction

    changing = asyncio.create_task(rig.logins.change(login, change, tenant="acme"))
    await begun.wait()
    erasing = asyncio.create_task(eraser.erase(acme, SUBJECT))
    done, _ = await asyncio.wait({erasing}, timeout=0.3)
    assert done == set()
    go_on.set()
    await changing
    assert (await erasing).cancelled == 1
    assert await rig.rows("SELECT * FROM last_answers") == []
