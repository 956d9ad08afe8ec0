"""People wait until a deadline; what is late for them is background work like any other."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from metadata_sync.state import Request, UserState
from tests.metadata_sync.rig import Rig
from tests.metadata_sync.states import NOON, TIMING, at, request
from tests.metadata_sync.tenant import Tenant
from tests.metadata_sync.updates import KEY, update, value


def _with_deadline(asked: Request, until: datetime) -> Request:
    return replace(asked, requester=replace(asked.requester, deadline=until))


def _waiting(until: datetime) -> UserState:
    asked = request("tx-1", waiting=True, a=(1, {}))
    return UserState().accept(_with_deadline(asked, until), now=NOON)


def test_nobody_waits_past_the_deadline() -> None:
    """Then the write is due as background is, and its requester is answered all the same."""
    state = _waiting(at(10))
    assert (state.is_waited_for, state.due_at(TIMING)) == (True, NOON)
    state = state.expire(now=at(10))
    assert (state.is_waited_for, state.due_at(TIMING)) == (False, at(2))
    state, _ = state.begin(now=at(11))
    _, answers = state.confirm(now=at(11)).take_answers()
    assert [answer.transaction_id for answer in answers] == ["tx-1"]


def test_one_who_still_waits_keeps_the_class() -> None:
    """Of two who ask for the same user the later deadline counts."""
    state = _waiting(at(10))
    other = _with_deadline(request("tx-2", waiting=True, a=(2, {"n": 2})), at(20))
    state = state.accept(other, now=at(5)).expire(now=at(10))
    assert state.is_waited_for
    assert not state.expire(now=at(20)).is_waited_for


async def test_an_update_that_comes_late_is_background(rig: Rig, tenant: Tenant) -> None:
    """What waited in the queue for too long is written within its quiet time, for nobody in a hurry."""
    late = datetime.now(UTC) - timedelta(seconds=1)
    await rig.take_in(update(1, user_id=tenant.user_id, deadline=late))
    assert not (await rig.state_of(tenant.user_id)).is_waited_for
    assert await tenant.patches() == []
    await rig.until_applied()
    assert await tenant.patches() == [{KEY: value(1)}]


async def test_a_person_who_gave_up_leaves_the_class(rig: Rig, tenant: Tenant) -> None:
    """The tenant pauses us past the deadline: the write follows, in the other class."""
    await tenant.fault(status=429, headers={"Retry-After": "2"})
    soon = datetime.now(UTC) + timedelta(seconds=1)
    await rig.take_in(update(1, user_id=tenant.user_id, deadline=soon))
    (applied,) = await rig.until_applied()
    assert applied.keys == {KEY: 1}
    assert not (await rig.state_of(tenant.user_id)).is_waited_for
