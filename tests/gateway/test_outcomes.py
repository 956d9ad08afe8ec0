"""What the other services' events make of a login: once in effect, in whatever order they come."""

import asyncio
from dataclasses import replace

import pytest

from common.consumer import PoisonMessageError
from common.messages import Message, Outcome, UpdateMetadata, VerifyIdentity, new_event_id
from gateway.transaction import MetadataOutcome, Status, WaitingFor
from gateway.transaction_step import StepStatus
from tests.gateway.arrivals import redirect
from tests.gateway.browsers import Browser
from tests.gateway.rig import Rig
from tests.support.zones import Zone


@pytest.fixture
async def login(rig: Rig, anna: Browser) -> str:
    """A login whose document is being judged."""
    login = await anna.begin(redirect(rig.clock))
    await anna.press(login, "idproof/submit", mrz=Zone().text())
    return login


async def handle_twice(rig: Rig, event: Message) -> None:
    """As the broker may deliver it."""
    await rig.outcomes.handle(event)
    before = await rig.everything()
    await rig.outcomes.handle(event)
    assert await rig.everything() == before


@pytest.mark.parametrize(
    ("outcome", "step", "status"),
    [
        (Outcome.APPROVED, StepStatus.PASSED, Status.WAITING),
        (Outcome.DECLINED, StepStatus.FAILED, Status.WAITING),
        (Outcome.REVIEW, StepStatus.PENDING, Status.WAITING),
        (Outcome.ERROR, StepStatus.FAILED, Status.WAITING),
        (Outcome.CANCELED, StepStatus.ABANDONED, Status.READY),
        (Outcome.EXPIRED, StepStatus.ABANDONED, Status.READY),
    ],
)
async def test_a_verdict(rig: Rig, login: str, outcome: Outcome, step: StepStatus, status: Status) -> None:
    """Each outcome ends the step in its way; what is written is asked of metadata-sync at once."""
    await handle_twice(rig, await rig.verdict(login, outcome))
    transaction = (await rig.login(login)).transaction
    assert (transaction.step("idproof").status, transaction.status) == (step, status)
    updates = await rig.told(UpdateMetadata)
    assert len(updates) == (1 if status is Status.WAITING else 0)
    for update in updates:
        assert update.waiting
        assert update.keys["waystation_idproof"].rev == 1


async def test_what_was_heard_is_recorded(rig: Rig, login: str) -> None:
    """An event is recorded in the transaction of its effect, also where it had none."""
    verdict = await rig.verdict(login)
    again = replace(verdict, event_id=new_event_id())
    for event in (verdict, again, verdict):
        await rig.outcomes.handle(event)
    recorded = await rig.rows("SELECT event_id FROM inbox")
    assert sorted(recorded) == sorted([(verdict.event_id,), (again.event_id,)])


async def test_terms_of_results(rig: Rig, login: str) -> None:
    """A passed check is good for the tenant's `valid_for`."""
    await rig.outcomes.handle(await rig.verdict(login))
    (update,) = await rig.told(UpdateMetadata)
    value = update.keys["waystation_idproof"].value
    assert value is not None
    assert (value["status"], value["level"], value["reason"]) == ("passed", "document_validated", None)
    assert int(value["until"][:4]) == int(value["at"][:4]) + 1


async def test_one_event_at_once_from_five_deliveries(rig: Rig, login: str) -> None:
    """Delivered five times at the same moment, an event has one effect."""
    event = await rig.verdict(login)
    await asyncio.gather(*(rig.outcomes.handle(event) for _ in range(5)))
    assert len(await rig.told(UpdateMetadata)) == 1
    assert await rig.rows("SELECT rev FROM user_revisions") == [(1,)]


async def test_the_same_verdict_told_again(rig: Rig, login: str) -> None:
    """A new event with a revision that is known, or an older one, changes nothing."""
    await rig.outcomes.handle(await rig.verdict(login, Outcome.DECLINED, revision=2))
    for revision in (2, 1):
        again = await rig.verdict(login, Outcome.APPROVED, revision=revision, event_id=new_event_id())
        await handle_twice(rig, again)
    assert (await rig.login(login)).transaction.step("idproof").status is StepStatus.FAILED
    assert len(await rig.told(UpdateMetadata)) == 1


async def test_a_verdict_that_changes_later(rig: Rig, login: str) -> None:
    """A newer verdict never changes the answer; it reaches the metadata by itself, at a higher rev."""
    await rig.outcomes.handle(await rig.verdict(login, Outcome.REVIEW))
    await rig.outcomes.handle(await rig.applied(login))
    await handle_twice(rig, await rig.verdict(login, Outcome.APPROVED, revision=2))
    transaction = (await rig.login(login)).transaction
    assert (transaction.status, transaction.step("idproof").status) == (Status.READY, StepStatus.PENDING)
    first, late = await rig.told(UpdateMetadata)
    assert (first.waiting, late.waiting) == (True, False)
    assert late.keys["waystation_idproof"].rev == 2
    value = late.keys["waystation_idproof"].value
    assert value is not None
    assert (value["status"], value["jti"], value["rev"]) == ("passed", transaction.jti, 2)


async def test_a_late_verdict_after_the_end(rig: Rig, login: str) -> None:
    """A verdict that comes when the login is over still reaches the metadata; the login stays over."""
    await rig.advance(43 * 60)
    await rig.timekeeper.sweep()
    await rig.advance(3 * 60)
    await rig.timekeeper.sweep()
    assert (await rig.login(login)).transaction.status is Status.EXPIRED
    await handle_twice(rig, await rig.verdict(login))
    assert (await rig.login(login)).transaction.status is Status.EXPIRED
    assert [update.waiting for update in await rig.told(UpdateMetadata)] == [True, False]


async def test_applied(rig: Rig, login: str) -> None:
    """Once the tenant has taken the result, the way back is open."""
    await rig.outcomes.handle(await rig.verdict(login))
    assert (await rig.login(login)).transaction.waiting_for is WaitingFor.METADATA
    await handle_twice(rig, await rig.applied(login))
    transaction = (await rig.login(login)).transaction
    assert (transaction.status, transaction.metadata) == (Status.READY, MetadataOutcome.APPLIED)


@pytest.mark.parametrize(
    ("keys", "status"),
    [
        ({"waystation_idproof": 5}, Status.READY),
        ({"waystation_idproof": 1, "waystation_terms": 9}, Status.READY),
        ({"waystation_terms": 9}, Status.WAITING),
        ({"waystation_idproof_seen": 9}, Status.WAITING),
        ({}, Status.WAITING),
    ],
)
async def test_applied_revs(rig: Rig, login: str, keys: dict[str, int], status: Status) -> None:
    """A login goes on when its own key is at its rev or later, and for nothing else."""
    await rig.outcomes.handle(await rig.verdict(login))
    await rig.outcomes.handle(await rig.applied(login, keys=keys))
    assert (await rig.login(login)).transaction.status is status


async def test_applied_at_an_older_rev(rig: Rig, anna: Browser, login: str) -> None:
    """The confirmation of an earlier login's write does not let a later one go on."""
    await rig.pass_identity(login)
    anna.forget_cookies()  # or the first result would be taken over
    second = await anna.begin(redirect(rig.clock))
    await anna.press(second, "idproof/submit", mrz=Zone().text())
    await rig.outcomes.handle(await rig.verdict(second))
    await rig.outcomes.handle(await rig.applied(second, keys={"waystation_idproof": 1}))
    assert (await rig.login(second)).transaction.status is Status.WAITING
    await rig.outcomes.handle(await rig.applied(second, keys={"waystation_idproof": 2}))
    assert (await rig.login(second)).transaction.status is Status.READY


async def test_rejected(rig: Rig, login: str) -> None:
    """What the tenant will never take goes back as failed, whatever the policy."""
    await rig.outcomes.handle(await rig.verdict(login))
    await handle_twice(rig, await rig.rejected(login))
    transaction = (await rig.login(login)).transaction
    assert (transaction.status, transaction.metadata) == (Status.READY, MetadataOutcome.FAILED)
    assert [line["reason"] for line in rig.lines.all if line["event"] == "metadata.rejected"] == [
        "user_not_found"
    ]


@pytest.mark.parametrize("keys", [{"waystation_idproof": 2}, {"waystation_terms": 1}, {}])
async def test_rejected_for_somebody_else(rig: Rig, login: str, keys: dict[str, int]) -> None:
    """A rejection of another key or rev says nothing about this login."""
    await rig.outcomes.handle(await rig.verdict(login))
    await rig.outcomes.handle(await rig.rejected(login, keys=keys))
    assert (await rig.login(login)).transaction.status is Status.WAITING


async def test_events_out_of_order(rig: Rig, login: str) -> None:
    """Confirmation and rejection that come after the login went on change nothing any more."""
    await rig.outcomes.handle(await rig.verdict(login))
    applied, rejected = await rig.applied(login), await rig.rejected(login)
    await rig.outcomes.handle(rejected)
    await rig.outcomes.handle(applied)
    assert (await rig.login(login)).transaction.metadata is MetadataOutcome.FAILED


async def test_confirmation_before_the_verdict(rig: Rig, login: str) -> None:
    """A confirmation that comes while a verification runs is for an earlier write, and changes nothing."""
    asked = (await rig.told(VerifyIdentity))[0]
    await rig.outcomes.handle(await rig.verdict(login))
    applied = await rig.applied(login)
    assert asked.verification_id == (await rig.login(login)).transaction.step("idproof").verification_id
    await rig.execute("UPDATE transactions SET status = 'waiting', waiting_for = 'verification'")
    await rig.outcomes.handle(applied)
    assert (await rig.login(login)).transaction.waiting_for is WaitingFor.VERIFICATION


async def poisoned(rig: Rig, event: Message) -> str:
    """Why an event is parked, having changed nothing."""
    before = await rig.everything()
    with pytest.raises(PoisonMessageError) as parked:
        await rig.outcomes.handle(event)
    assert await rig.everything() == before
    return parked.value.reason


async def test_foreign_events(rig: Rig, login: str) -> None:
    """An event about another login, verification, tenant or person is parked and changes nothing."""
    verdict = await rig.verdict(login)
    assert await poisoned(rig, replace(verdict, transaction_id="x" * 22)) == "unknown_transaction"
    assert await poisoned(rig, replace(verdict, tenant="globex")) == "unknown_transaction"
    assert await poisoned(rig, replace(verdict, tenant="*' --")) == "unknown_transaction"
    assert await poisoned(rig, replace(verdict, verification_id="x")) == "does_not_fit_the_transaction"
    await rig.outcomes.handle(verdict)
    applied, rejected = await rig.applied(login), await rig.rejected(login)
    assert await poisoned(rig, replace(applied, tenant="globex")) == "unknown_transaction"
    for event in (replace(applied, user_id="auth0|mallory"), replace(rejected, user_id="auth0|mallory")):
        assert await poisoned(rig, event) == "does_not_fit_the_transaction"


async def test_commands_are_not_for_us(rig: Rig, login: str) -> None:
    """A command that strayed into the gateway's queue is parked."""
    (command,) = await rig.told(VerifyIdentity)
    assert await poisoned(rig, command) == "not_for_this_service"
    await rig.outcomes.handle(await rig.verdict(login))
    (update,) = await rig.told(UpdateMetadata)
    assert await poisoned(rig, update) == "not_for_this_service"


async def test_the_database_goes_away_in_the_middle(rig: Rig, login: str) -> None:
    """An event whose effect was not committed is not recorded either: the next delivery has it."""
    event = await rig.verdict(login)
    await rig.execute("ALTER TABLE outbox RENAME TO outbox_away")
    with pytest.raises(Exception, match="outbox"):
        await rig.outcomes.handle(event)
    await rig.execute("ALTER TABLE outbox_away RENAME TO outbox")
    assert (await rig.login(login)).transaction.waiting_for is WaitingFor.VERIFICATION
    await rig.outcomes.handle(event)
    assert (await rig.login(login)).transaction.waiting_for is WaitingFor.METADATA
