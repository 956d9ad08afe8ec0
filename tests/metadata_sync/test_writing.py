"""From an update to the tenant and back, on a real database and the emulated tenant."""

import asyncio
from typing import Any

import pytest

from common.consumer import PoisonMessageError, UnknownTenantError
from common.messages import (
    DesiredValue,
    Outcome,
    VerificationChanged,
    new_event_id,
)
from tests.metadata_sync.rig import Rig
from tests.metadata_sync.tenant import Tenant
from tests.metadata_sync.updates import KEY, update, value


async def test_a_waiting_update_is_written_and_confirmed(rig: Rig, tenant: Tenant) -> None:
    """One update is one PATCH with our key alone, and then one MetadataApplied with its rev."""
    sent = update(7, user_id=tenant.user_id)
    await rig.take_in(sent)
    (applied,) = await rig.until_applied()
    assert (applied.tenant, applied.transaction_id, applied.user_id, applied.keys) == (
        "acme",
        "tx-7",
        tenant.user_id,
        {KEY: 7},
    )
    assert applied.traceparent == sent.traceparent
    assert await tenant.patches() == [{KEY: value(7)}]
    assert await tenant.app_metadata() == {"theirs": 1, KEY: value(7)}


async def test_updates_of_a_quiet_time_are_one_call(rig: Rig, tenant: Tenant) -> None:
    """Updates that nobody waits for are written together, the latest value wins, each is answered."""
    revs = (3, 1, 2)
    await rig.take_in(*(update(rev, user_id=tenant.user_id, waiting=False) for rev in revs))
    assert await tenant.patches() == []
    applied = await rig.until_applied(3)
    assert await tenant.patches() == [{KEY: value(3)}]
    assert sorted((event.transaction_id, event.keys[KEY]) for event in applied) == [
        ("tx-1", 3),
        ("tx-2", 3),
        ("tx-3", 3),
    ]


async def test_a_waiting_person_takes_pending_changes_along(rig: Rig, tenant: Tenant) -> None:
    """A waiting update is written at once, and with it what its user had pending."""
    other = {"waystation_terms": DesiredValue(rev=1, value={"rev": 1})}
    await rig.take_in(update(1, user_id=tenant.user_id, waiting=False, keys=other))
    await rig.take_in(update(2, user_id=tenant.user_id))
    await rig.until_applied(2)
    assert await tenant.patches() == [{KEY: value(2), "waystation_terms": {"rev": 1}}]


async def test_updates_during_a_write_cause_exactly_one_more(rig: Rig, tenant: Tenant) -> None:
    """What changes while a write is under way goes with one second write."""
    await tenant.fault(delay=0.5)
    await rig.take_in(*(update(rev, user_id=tenant.user_id) for rev in (1, 2, 3)))
    await rig.until_applied(3)
    assert await tenant.patches() == [{KEY: value(1)}, {KEY: value(3)}]


async def test_a_null_deletes_the_key(rig: Rig, tenant: Tenant) -> None:
    """A tombstone is sent as null, and an older wish that arrives later does not revive the key."""
    await rig.take_in(update(1, user_id=tenant.user_id))
    await rig.until_applied()
    gone = {KEY: DesiredValue(rev=3, value=None)}
    await rig.take_in(update(3, user_id=tenant.user_id, keys=gone))
    await rig.until_applied(2)
    await rig.take_in(update(2, user_id=tenant.user_id))
    applied = await rig.until_applied(3)
    assert (applied[2].transaction_id, applied[2].keys) == ("tx-2", {KEY: 3})
    assert await tenant.patches() == [{KEY: value(1)}, {KEY: None}]
    assert await tenant.app_metadata() == {"theirs": 1}


async def test_a_second_delivery_has_no_effect(rig: Rig, tenant: Tenant) -> None:
    """The same message again changes and tells nothing."""
    sent = update(1, user_id=tenant.user_id)
    await rig.take_in(sent)
    await rig.until_applied()
    await rig.take_in(sent, sent, update(2, user_id=tenant.user_id))
    await rig.until_applied(2)
    assert [event.transaction_id for event in rig.applied] == ["tx-1", "tx-2"]


async def test_an_unchanged_value_is_answered_without_a_call(rig: Rig, tenant: Tenant) -> None:
    """A new rev of the confirmed value is confirmed from what is known."""
    await rig.take_in(update(1, user_id=tenant.user_id))
    await rig.until_applied()
    same = {KEY: DesiredValue(rev=2, value=value(1))}
    await rig.take_in(update(2, user_id=tenant.user_id, keys=same))
    applied = await rig.until_applied(2)
    assert applied[1].keys == {KEY: 2}
    assert len(await tenant.patches()) == 1


async def test_users_are_written_side_by_side(rig: Rig, tenant: Tenant) -> None:
    """One person's slow call does not delay another's."""
    others = [f"{tenant.user_id}-{number}" for number in range(5)]
    for user_id in others:
        await tenant.create_user(user_id)
    await tenant.fault(f"PATCH .*{tenant.user_id.removeprefix('auth0|')}$", delay=2)
    await rig.take_in(update(1, user_id=tenant.user_id))
    await asyncio.gather(*(rig.take_in(update(2, user_id=user_id)) for user_id in others))
    applied = await rig.until_applied(5)
    assert {event.user_id for event in applied} == set(others)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"keys": {"blocked": DesiredValue(rev=1, value={})}}, "key_forbidden"),
        ({"keys": {KEY: DesiredValue(rev=1, value={"x": "y" * 1100})}}, "value_too_large"),
        ({"keys": {f"k{n}": DesiredValue(rev=1, value={"x": "y" * 900}) for n in "abc"}}, "total_too_large"),
        ({"user_id": ".."}, "user_id_malformed"),
    ],
)
async def test_what_may_never_be_written_is_refused(
    rig: Rig, tenant: Tenant, changes: dict[str, Any], reason: str
) -> None:
    """A poisoned update is refused with its reason and leaves the user's other updates alone."""
    with pytest.raises(PoisonMessageError) as refused:
        await rig.take_in(update(1, **{"user_id": tenant.user_id, **changes}))
    assert refused.value.reason == reason
    await rig.take_in(update(1, user_id=tenant.user_id))
    await rig.until_applied()
    assert await tenant.patches() == [{KEY: value(1)}]


async def test_an_unknown_tenant_may_be_known_later(rig: Rig, tenant: Tenant) -> None:
    """The bus keeps trying what the tenants file may soon explain."""
    with pytest.raises(UnknownTenantError):
        await rig.take_in(update(1, user_id=tenant.user_id, tenant="globex"))


async def test_other_messages_are_refused(rig: Rig, tenant: Tenant) -> None:
    """What was routed here by mistake is parked."""
    sent = update(1, user_id=tenant.user_id)
    foreign = VerificationChanged(
        event_id=new_event_id(),
        tenant="acme",
        transaction_id="tx-1",
        occurred_at=sent.occurred_at,
        traceparent=sent.traceparent,
        verification_id="ver-1",
        revision=1,
        outcome=Outcome.APPROVED,
        level=None,
        reason=None,
        reference="ver-1",
    )
    with pytest.raises(PoisonMessageError, match="not_for_this_service"):
        await rig.handle(foreign)
