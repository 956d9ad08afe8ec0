"""What time alone makes of a login."""

import asyncio
import contextlib
from typing import Any

import pytest

from common.messages import UpdateMetadata
from gateway.transaction import MetadataOutcome, Status, WaitingFor
from gateway.transaction_step import StepStatus
from tests.common.tenants_on_disk import section, write_tenants
from tests.gateway.arrivals import redirect
from tests.gateway.browsers import Browser
from tests.gateway.rig import Rig
from tests.support.waiting import wait_until
from tests.support.zones import Zone

DEADLINE, LAST_CALL = 45 * 60, 43 * 60


def set_policy(rig: Rig, policy: str, **changes: Any) -> None:
    """The tenant's metadata policy for logins that begin from now on."""
    rules = {**section()["metadata"], "policy": policy, **changes}
    write_tenants(rig.settings.tenants_file.parent, {"acme": section(metadata=rules)})
    rig.tenants.refresh()


async def judged(rig: Rig, browser: Browser) -> str:
    """A login that waits for its metadata, in a browser that has earned nothing yet."""
    browser.forget_cookies()
    login = await browser.begin(redirect(rig.clock))
    await browser.press(login, "idproof/submit", mrz=Zone().text())
    await rig.outcomes.handle(await rig.verdict(login))
    return login


def went_on(rig: Rig) -> list[str]:
    return [str(line["waiting_for"]) for line in rig.lines.all if line["event"] == "login.went_on_without"]


async def test_no_verdict_in_time(rig: Rig, anna: Browser) -> None:
    """Two minutes before its deadline a login that waits for a verdict goes on as pending, and says so."""
    login = await anna.begin(redirect(rig.clock))
    await anna.press(login, "idproof/submit", mrz=Zone().text())
    await rig.advance(LAST_CALL - 2)
    await rig.timekeeper.sweep()
    assert (await rig.login(login)).transaction.waiting_for is WaitingFor.VERIFICATION
    await rig.advance(3)
    await rig.timekeeper.sweep()
    await rig.timekeeper.sweep()
    transaction = (await rig.login(login)).transaction
    assert (transaction.status, transaction.metadata) == (Status.READY, MetadataOutcome.CARRIED)
    assert transaction.step("idproof").status is StepStatus.PENDING
    assert went_on(rig) == ["verification", "metadata"]
    (update,) = await rig.told(UpdateMetadata)
    value = update.keys["waystation_idproof"].value
    assert value is not None
    assert (value["status"], value["reason"], value["until"]) == ("pending", "no_verdict_yet", None)
    page = await anna.look(login)
    assert page.title == "Your identity is not confirmed yet"
    assert (await anna.press(login, "continue")).status == 200


@pytest.mark.parametrize(
    ("policy", "waits", "outcome"),
    [
        ("wait", LAST_CALL, MetadataOutcome.CARRIED),
        ("carry", 10, MetadataOutcome.CARRIED),
        ("fail", 10, MetadataOutcome.FAILED),
    ],
)
async def test_metadata_that_is_late(
    rig: Rig, anna: Browser, policy: str, waits: int, outcome: MetadataOutcome
) -> None:
    """The tenant's policy decides how long a login waits for its metadata, and what it says afterwards."""
    set_policy(rig, policy)
    login = await judged(rig, anna)
    (update,) = await rig.told(UpdateMetadata)
    assert (update.deadline - rig.clock.now()).total_seconds() == pytest.approx(waits, abs=1)
    await rig.advance(waits - 2)
    await rig.timekeeper.sweep()
    assert (await rig.login(login)).transaction.waiting_for is WaitingFor.METADATA
    await rig.advance(3)
    await rig.timekeeper.sweep()
    transaction = (await rig.login(login)).transaction
    assert (transaction.status, transaction.metadata) == (Status.READY, outcome)
    assert went_on(rig) == ["metadata"]


async def test_policy_action(rig: Rig, anna: Browser) -> None:
    """Where the Action writes by itself, a result that is known goes back at once and we write nothing."""
    set_policy(rig, "action")
    login = await judged(rig, anna)
    transaction = (await rig.login(login)).transaction
    assert (transaction.status, transaction.metadata) == (Status.READY, MetadataOutcome.CARRIED)
    assert await rig.told(UpdateMetadata) == []


async def test_a_login_keeps_the_rules_that_it_began_with(rig: Rig, anna: Browser) -> None:
    """A change of the tenants file does not reach logins that have begun."""
    login = await judged(rig, anna)
    set_policy(rig, "fail")
    await rig.advance(20)
    await rig.timekeeper.sweep()
    assert (await rig.login(login)).transaction.status is Status.WAITING


@pytest.mark.parametrize("state", ["opened", "working", "waiting", "ready", "handed_back"])
async def test_the_deadline(rig: Rig, anna: Browser, state: str) -> None:
    """At its deadline every login ends, and what it knew about the person is forgotten."""
    login = await anna.arrive(redirect(rig.clock))
    if state != "opened":
        await anna.press(login, "claim")
    if state in {"waiting", "ready", "handed_back"}:
        await anna.press(login, "idproof/submit", mrz=Zone().text())
    if state in {"ready", "handed_back"}:
        await rig.pass_identity(login)
    if state == "handed_back":
        await anna.press(login, "continue")
    assert (await rig.login(login)).transaction.status == state
    assert await rig.rows("SELECT 1 FROM transactions WHERE state IS NULL OR profile IS NULL") == []
    await rig.advance(DEADLINE + 1)
    await rig.timekeeper.sweep()
    assert (await rig.login(login)).transaction.status is Status.EXPIRED
    assert await rig.rows("SELECT state, profile, wake_at FROM transactions") == [(None, None, None)]
    before = await rig.everything()
    await rig.timekeeper.sweep()
    assert await rig.everything() == before
    lines = [line for line in rig.lines.all if line["event"] == "login.expired"]
    assert [(line["transaction_id"], line["status"]) for line in lines] == [(login, state)]


async def test_two_replicas_sweep_at_once(rig: Rig, anna: Browser) -> None:
    """Whoever finds a login first changes it, the other changes nothing."""
    logins = [await judged(rig, anna) for _ in range(3)]
    await rig.advance(DEADLINE + 1)
    await asyncio.gather(*(replica.timekeeper.sweep() for replica in (rig, rig.replica(), rig.replica())))
    assert {(await rig.login(login)).transaction.status for login in logins} == {Status.EXPIRED}
    versions = await rig.rows("SELECT DISTINCT version FROM transactions")
    assert len(versions) == 1


async def test_a_login_that_cannot_go_on(rig: Rig, anna: Browser) -> None:
    """One login whose row is damaged is an error in the log, and keeps no other one waiting."""
    damaged, sound = await judged(rig, anna), await judged(rig, anna)
    await rig.execute(
        f"UPDATE transactions SET settings = '{{}}', wake_at = wake_at - interval '1 hour' "  # noqa: S608 - an id of ours
        f"WHERE id = '{damaged}'"
    )
    await rig.advance(DEADLINE + 1)
    await rig.timekeeper.sweep()
    assert (await rig.login(sound)).transaction.status is Status.EXPIRED
    lines = [line for line in rig.lines.all if line["event"] == "login.not_moved"]
    assert [(line["transaction_id"], line["error_type"]) for line in lines] == [(damaged, "ValidationError")]


async def test_the_loop(rig: Rig, anna: Browser) -> None:
    """A running timekeeper finds what is due by itself, and ends when told."""
    login = await judged(rig, anna)
    await rig.advance(DEADLINE + 1)
    stop = asyncio.Event()
    running = asyncio.create_task(rig.timekeeper.run(stop))

    async def is_expired() -> bool:
        return (await rig.login(login)).transaction.status is Status.EXPIRED

    await wait_until(is_expired, what="the login to expire")
    stop.set()
    async with asyncio.timeout(2):
        await running


async def test_the_loop_without_a_database(rig: Rig) -> None:
    """While the database is away the loop says so and goes on trying."""
    await rig.all_tenants._pool.close()
    stop = asyncio.Event()
    running = asyncio.create_task(rig.timekeeper.run(stop))
    await wait_until(
        lambda: any(line["event"] == "database.unavailable" for line in rig.lines.all), what="the warning"
    )
    stop.set()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(2):
            await running
    assert running.done()
    assert running.exception() is None
