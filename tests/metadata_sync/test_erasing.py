"""What an erasure makes of one user's state, whatever comes before, after and late."""

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from common.messages import ForgetUser
from metadata_sync.coalesce import Value, Wish
from metadata_sync.erasing import erase, remains
from metadata_sync.state import Request, UserState
from tests.metadata_sync.states import NOON, TIMING, at, confirmed_at_noon, request

PASSED = {"status": "passed"}


def forget(rev: int, *keys: str, erasure: str = "erasure-1", settle_at: datetime | None = None) -> ForgetUser:
    return ForgetUser(
        event_id="e",
        tenant="acme",
        transaction_id=erasure,
        occurred_at=NOON,
        traceparent="trace",
        user_id="auth0|anna",
        rev=rev,
        keys=keys,
        settle_at=settle_at,
    )


def _written(state: UserState, *, seconds: float) -> tuple[UserState, dict[str, object]]:
    """One write that is due now and answered at once."""
    state, patch = state.begin(now=at(seconds))
    assert patch is not None
    return state.confirm(now=at(seconds)), patch.body()


def test_keys_are_deleted_and_then_it_is_over() -> None:
    """The keys that are known and those that are named are deleted by one write; then the rev alone stays."""
    state = erase(confirmed_at_noon(), forget(2, "a", "a_seen"), now=at(5))
    assert not state.is_forgotten
    assert state.due_at(TIMING) == at(7)
    state, body = _written(state, seconds=7)
    assert body == {"a": None, "a_seen": None}
    assert state.is_forgotten
    assert state.due_at(TIMING) == at(5)
    state = remains(state)
    assert (state.desired, state.confirmed, state.due_at(TIMING)) == ({}, {}, None)
    assert state.is_erased_at(2)


def test_what_an_answer_brings_back_is_deleted_once_more() -> None:
    """While an answer is out, one more write follows when it can be of no effect any more, and none after."""
    state = erase(UserState(), forget(2, "a", settle_at=at(180)), now=at(0))
    state, body = _written(state, seconds=2)
    assert (body, state.is_forgotten, state.due_at(TIMING)) == ({"a": None}, False, at(180))
    state, body = _written(state, seconds=180)
    assert (body, state.is_forgotten) == ({"a": None}, True)


def test_what_is_under_way_is_deleted_after_it() -> None:
    """An attempt that was under way is ended first, and a minute later its keys are deleted once more."""
    state, _ = UserState().accept(request(a=(1, PASSED)), now=at(0)).begin(now=at(2))
    state = erase(state, forget(2, "a"), now=at(3))
    assert state.attempt is not None
    state = state.confirm(now=at(4))
    assert not state.is_forgotten
    state, body = _written(state, seconds=5)
    assert (body, state.due_at(TIMING)) == ({"a": None}, at(63))
    state, body = _written(state, seconds=63)
    assert (body, state.is_forgotten) == ({"a": None}, True)


def test_a_worker_that_lost_its_lease_may_know_keys_that_are_gone() -> None:
    """What a worker says about keys that an erasure has taken away changes nothing."""
    state = erase(UserState(), forget(2, "a"), now=at(0))
    assert state.unsettle(["root.given_name"], now=at(1)) == state


def test_personal_values_are_dropped_and_not_deleted_there() -> None:
    """Of root attributes and user_metadata nothing is left here, and nothing of them is sent."""
    wish = Wish(rev=1, digest="d", size=3, encrypted="c")
    known = confirmed_at_noon()
    state = UserState(desired={**known.desired, "root.given_name": wish})
    state, patch = state.begin(now=at(1))
    state, patch = erase(state, forget(2, "a"), now=at(1)).confirm(now=at(2)).begin(now=at(3))
    assert patch is not None
    assert patch.body() == {"a": None}
    assert state.desired.keys() == {"a"}


def test_a_user_whom_the_tenant_does_not_have_is_forgotten() -> None:
    """Where the tenant deleted the user first, there is nothing to delete: it is over at once."""
    state, _ = erase(UserState(), forget(2, "a", settle_at=at(180)), now=at(0)).begin(now=at(2))
    assert state.park("user_not_found", now=at(2)).is_forgotten


def test_another_refusal_waits_for_an_operator() -> None:
    """What the tenant refused for another reason is not over until somebody has given it up."""
    state, _ = erase(UserState(), forget(2, "a"), now=at(0)).begin(now=at(2))
    state = state.park("conflict", now=at(2))
    assert not state.is_forgotten
    assert state.drop(["a"]).is_forgotten


def test_who_asked_before_is_not_answered() -> None:
    """The logins of an erased person are cancelled: nobody is told about their updates any more."""
    state = UserState().accept(request("tx-1", waiting=True, a=(1, PASSED)), now=at(0))
    state = erase(state, forget(2, "a"), now=at(1))
    assert (state.requesters, state.is_waited_for) == ({}, False)
    state = state.accept(request("tx-0", waiting=True, a=(1, PASSED), b=(1, PASSED)), now=at(2))
    assert (state.requesters, state.desired) == ({}, {"a": Wish(rev=2, value=None)})


def test_the_returning_person_starts_anew() -> None:
    """An update from after the erasure is written and answered like anybody's."""
    state = remains(_written(erase(UserState(), forget(7, "a"), now=at(0)), seconds=2)[0])
    state = state.accept(request("tx-8", waiting=True, a=(8, PASSED)), now=at(9))
    state, body = _written(state, seconds=9)
    assert body == {"a": PASSED}
    _, answers = state.take_answers()
    assert [answer.transaction_id for answer in answers] == ["tx-8"]


def test_what_overtook_the_erasure_stays() -> None:
    """Who has come back before the erasure arrived keeps what is new; the rest is deleted."""
    state = UserState().accept(request("tx-1", b=(1, PASSED)), now=at(0))
    state = state.accept(request("tx-3", waiting=True, a=(3, PASSED)), now=at(0))
    state = erase(state, forget(2, "a", "a_seen", "b"), now=at(1))
    assert state.is_waited_for
    state, body = _written(state, seconds=1)
    assert body == {"a": PASSED, "a_seen": None, "b": None}
    state, answers = state.take_answers()
    assert [answer.transaction_id for answer in answers] == ["tx-3"]
    assert remains(state).desired.keys() == {"a"}


def test_of_two_erasures_the_later_counts() -> None:
    """An older erasure that arrives late changes nothing."""
    later = erase(UserState(), forget(5, "a"), now=at(0))
    assert erase(later, forget(3, "b"), now=at(1)) == later


_MESSAGES = st.lists(
    st.tuples(st.integers(1, 8), st.sampled_from("abc"), st.booleans()), min_size=1, max_size=12
)


@given(messages=_MESSAGES, data=st.data())
@settings(deadline=None)
def test_in_any_order_nothing_from_before_survives(
    messages: list[tuple[int, str, bool]], data: st.DataObject
) -> None:
    """Updates and erasures in any order, some twice: at the tenant is what came after the last erasure."""
    # A rev is given once: to an erasure, or to one value of a key.
    given_to = {rev: (key, is_erasure) for rev, key, is_erasure in messages}
    tenant: dict[str, object] = dict.fromkeys("abc", "from before")
    state, seconds = UserState(), 0.0
    arriving = data.draw(st.permutations([*given_to, *given_to]))
    for rev in arriving:
        seconds += data.draw(st.sampled_from([0.1, 40]))
        key, is_erasure = given_to[rev]
        if is_erasure:
            state = erase(state, forget(rev, *"abc", settle_at=at(seconds + 100)), now=at(seconds))
        else:
            state = state.accept(_request(rev, key), now=at(seconds))
        if data.draw(st.booleans()):
            state = _write(state, tenant, seconds=seconds)
        if state.is_forgotten:
            state = remains(state)
    for _ in range(20):
        due = state.due_at(TIMING)
        if due is None:
            break
        seconds = max(seconds, (due - NOON) / timedelta(seconds=1))
        state = remains(state) if state.is_forgotten else _write(state, tenant, seconds=seconds)
    last = max((rev for rev, (_, is_erasure) in given_to.items() if is_erasure), default=0)
    newest = {key: rev for rev, (key, is_erasure) in sorted(given_to.items()) if not is_erasure}
    expected: dict[str, object] = {key: {"rev": rev} for key, rev in newest.items() if rev > last}
    untouched = {} if last else {key: "from before" for key in "abc" if key not in newest}
    assert tenant == expected | untouched
    assert state.due_at(TIMING) is None
    assert all(not state.is_erased_at(wish.rev) for wish in state.desired.values())


def _request(rev: int, key: str) -> Request:
    wishes: dict[str, tuple[int, Value]] = {key: (rev, {"rev": rev})}
    return request(f"tx-{rev}", waiting=False, **wishes)


def _write(state: UserState, tenant: dict[str, object], *, seconds: float) -> UserState:
    state, patch = state.begin(now=at(seconds))
    for key, value in (patch.body() if patch else {}).items():
        if value is None:
            tenant.pop(key, None)
        else:
            tenant[key] = value
    return state.confirm(now=at(seconds)).take_answers()[0]
