"""Kinds of write: each is a call of its own, through the same desired state."""

from common.messages import Kind
from metadata_sync.coalesce import Patch, Wish
from metadata_sync.ends import state_after
from metadata_sync.errors import RootSyncedError
from metadata_sync.kinds import next_after
from metadata_sync.state import Request, Requester, UserState
from tests.metadata_sync.states import NOON, TIMING, at, confirmed_at_noon, request

GIVEN_NAME, BIRTHDATE = "root.given_name", "user_metadata.birthdate"


def personal(rev: int, *, digest: str = "one") -> Wish:
    return Wish(rev=rev, digest=digest, size=6, encrypted=f"ciphertext {rev}")


def asked(transaction_id: str = "tx-p", *, waiting: bool = False, **wishes: Wish) -> Request:
    """An update of personal keys; a name of Python has `__` for the dot."""
    desired = {key.replace("__", "."): wish for key, wish in wishes.items()}
    revs = {key: wish.rev for key, wish in desired.items()}
    requester = Requester(traceparent="trace", waiting=waiting, keys=revs)
    return Request(transaction_id=transaction_id, requester=requester, desired=desired)


def begun(state: UserState, *, seconds: float) -> tuple[UserState, Patch]:
    state, patch = state.begin(now=at(seconds))
    assert patch is not None
    return state, patch


def test_each_kind_is_one_call_and_all_are_one_answer() -> None:
    """What one transaction asks of three kinds is three calls, one after the other, and then its answer."""
    state = UserState().accept(request("tx-1", waiting=True, a=(1, {})), now=NOON)
    both = asked("tx-1", waiting=True, root__given_name=personal(1), user_metadata__birthdate=personal(1))
    state = state.accept(both, now=NOON)
    kinds = []
    for second in range(3):
        assert state.due_at(TIMING) == NOON
        state, patch = begun(state, seconds=second)
        kinds.append((patch.kind, list(patch.body())))
        state, answers = state.confirm(now=at(second)).take_answers()
    assert kinds == [
        (Kind.APP_METADATA, ["a"]),
        (Kind.ROOT, ["given_name"]),
        (Kind.USER_METADATA, ["birthdate"]),
    ]
    assert [answer.keys for answer in answers] == [{"a": 1, GIVEN_NAME: 1, BIRTHDATE: 1}]
    assert state.due_at(TIMING) is None


def test_a_person_who_waits_for_one_kind_waits_for_no_other() -> None:
    """The kind that a browser waits for goes first, whatever else is pending."""
    state = UserState().accept(request("tx-1", a=(1, {})), now=NOON)
    state = state.accept(asked("tx-2", waiting=True, user_metadata__birthdate=personal(2)), now=at(1))
    _, patch = begun(state, seconds=1)
    assert patch.kind is Kind.USER_METADATA


def test_a_kind_that_fails_keeps_no_other_from_being_tried() -> None:
    """After a failure the next kind has its turn."""
    state = UserState().accept(request("tx-1", a=(1, {})), now=NOON)
    state = state.accept(asked(root__given_name=personal(2)), now=NOON)
    tried = []
    for second in (2, 4, 6):
        state, patch = begun(state, seconds=second)
        tried.append(patch.kind)
        state = state.postpone(until=at(second + 1), failed=True)
    assert tried == [Kind.APP_METADATA, Kind.ROOT, Kind.APP_METADATA]
    assert next_after(Kind.USER_METADATA, [Kind.USER_METADATA]) is Kind.USER_METADATA


def test_a_refused_kind_is_parked_and_the_others_flow() -> None:
    """400, 404 and 409 park the user's write of that kind; who asked for another is answered."""
    state = UserState().accept(request("tx-1", a=(1, {})), now=NOON)
    state = state.accept(asked("tx-2", user_metadata__birthdate=personal(2)), now=NOON)
    state, _ = begun(state, seconds=2)
    state, answers = state.park("payload_refused", now=at(2)).take_answers()
    assert [(answer.keys, answer.reason) for answer in answers] == [({"a": 1}, "payload_refused")]
    state, patch = begun(state, seconds=3)
    assert list(patch.body()) == ["birthdate"]
    state, answers = state.confirm(now=at(3)).take_answers()
    assert [(answer.keys, answer.reason) for answer in answers] == [({BIRTHDATE: 2}, None)]


def test_a_personal_value_is_gone_once_confirmed() -> None:
    """After the 200 only rev and fingerprint are left."""
    state, _ = begun(UserState().accept(asked(root__given_name=personal(1)), now=NOON), seconds=2)
    state = state.confirm(now=at(3))
    assert state.desired == {GIVEN_NAME: Wish(rev=1, digest="one", size=6)}


def test_a_personal_value_stays_until_it_is_settled() -> None:
    """While a lost attempt may still be written, the value is there for the one more write."""
    state, _ = begun(UserState().accept(asked(root__given_name=personal(1)), now=NOON), seconds=2)
    state, _ = begun(state.lose(now=at(3)), seconds=4)
    state = state.confirm(now=at(5))
    state, patch = begun(state, seconds=63)
    assert patch.body() == {"given_name": personal(1)}
    assert state.confirm(now=at(64)).desired == {GIVEN_NAME: Wish(rev=1, digest="one", size=6)}


def test_a_parked_personal_value_stays_until_it_is_dropped() -> None:
    """An operator can redrive it; given up, it is gone."""
    state, _ = begun(UserState().accept(asked(root__given_name=personal(1)), now=NOON), seconds=2)
    state = state.park("user_not_found", now=at(3))
    _, patch = begun(state.redrive([GIVEN_NAME], now=at(4)), seconds=4)
    assert patch.body() == {"given_name": personal(1)}
    assert state.drop([GIVEN_NAME]).desired == {GIVEN_NAME: Wish(rev=1, digest="one", size=6)}


def test_an_unchanged_personal_value_is_answered_without_a_call() -> None:
    """Its fingerprint tells, also when the value itself is gone; the new one is not kept either."""
    state, _ = begun(UserState().accept(asked("tx-1", root__given_name=personal(1)), now=NOON), seconds=2)
    state, _ = state.confirm(now=at(3)).take_answers()
    state, answers = state.accept(asked("tx-2", root__given_name=personal(2)), now=at(4)).take_answers()
    assert [answer.keys for answer in answers] == [{GIVEN_NAME: 2}]
    assert state.due_at(TIMING) is None
    assert state.desired == {GIVEN_NAME: Wish(rev=2, digest="one", size=6)}


def test_what_is_gone_and_became_uncertain_is_written_with_the_next_wish() -> None:
    """A worker that wakes up late leaves nothing to settle, but nothing counts as unchanged any more."""
    state, _ = begun(UserState().accept(asked("tx-1", root__given_name=personal(1)), now=NOON), seconds=2)
    state, _ = state.confirm(now=at(3)).take_answers()
    state = state.unsettle([GIVEN_NAME], now=at(4))
    assert state.due_at(TIMING) is None
    state = state.accept(asked("tx-2", root__given_name=personal(2)), now=at(5))
    assert state.due_at(TIMING) == at(7)


def test_attributes_that_the_provider_sets_go_to_user_metadata() -> None:
    """The refused write is repeated there at once, and later ones go there without a call in vain."""
    state, _ = begun(UserState().accept(asked("tx-1", root__given_name=personal(1)), now=NOON), seconds=2)
    refused = RootSyncedError("attributes_synced", sent=1)
    state = state_after(refused, state, now=at(3), jitter=0)
    assert (state.due_at(TIMING), state.failures) == (at(2), 0)
    state, patch = begun(state, seconds=3)
    assert (patch.kind, list(patch.body())) == (Kind.USER_METADATA, ["given_name"])
    state, answers = state.confirm(now=at(4)).take_answers()
    assert [(answer.keys, answer.reason) for answer in answers] == [({GIVEN_NAME: 1}, None)]
    later = state.accept(asked("tx-2", root__given_name=personal(2, digest="two")), now=at(5))
    assert begun(later, seconds=7)[1].kind is Kind.USER_METADATA
    assert begun(later, seconds=3 + 86_400)[1].kind is Kind.ROOT


def test_a_state_of_the_release_before_reads_on() -> None:
    """Keys of app_metadata are what they were: confirmed, and unchanged."""
    state = confirmed_at_noon().accept(request("tx-2", a=(2, {"status": "passed"})), now=at(1))
    assert (list(state.desired), state.due_at(TIMING)) == (["a"], None)
