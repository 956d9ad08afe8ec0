"""One user's way from wish to confirmation."""

from msgspec.structs import replace

from metadata_sync.state import Answer, UserState
from tests.metadata_sync.states import TIMING, at, confirmed_at_noon, request


def test_a_background_update_waits_for_quiet() -> None:
    """An update that nobody waits for is due after the quiet time."""
    state = UserState().accept(request(a=(1, {})), now=at(0))
    assert state.due_at(TIMING) == at(2)


def test_a_waiting_update_is_due_now_with_what_lay_there() -> None:
    """A waiting person makes the whole user due, and takes the pending changes along, not their age."""
    state = UserState().accept(request(a=(1, {})), now=at(0))
    state = state.accept(request("tx-2", waiting=True, b=(2, {})), now=at(1))
    assert state.is_waited_for
    assert state.due_at(TIMING) == at(1)
    _, patch = state.begin(now=at(1))
    assert patch is not None
    assert patch.body() == {"a": {}, "b": {}}


def test_a_later_background_update_keeps_the_higher_class() -> None:
    """Whoever joins a waiting person's write does not slow it down."""
    state = UserState().accept(request(waiting=True, a=(1, {})), now=at(0))
    state = state.accept(request("tx-2", a=(2, {"n": 2})), now=at(1))
    assert state.is_waited_for
    assert state.due_at(TIMING) == at(0)


def test_a_person_keeps_the_place_that_waiting_has_won() -> None:
    """Whatever else is asked for, by the same person or by others, nobody who came later gets ahead."""
    state = UserState().accept(request(waiting=True, a=(1, {})), now=at(0))
    for second, transaction_id in enumerate(("tx-1", "tx-2"), start=1):
        state = state.accept(request(transaction_id, waiting=True, a=(1 + second, {})), now=at(second))
    assert state.due_at(TIMING) == at(0)


def test_a_person_of_an_older_version_waits_since_the_first_change() -> None:
    """A row that was written before it said since when somebody waits is due all the same."""
    state = UserState().accept(request(waiting=True, a=(1, {})), now=at(0))
    known = {name: replace(one, since=None) for name, one in state.requesters.items()}
    assert replace(state, requesters=known).due_at(TIMING) == at(0)


def test_one_write_answers_everybody_who_asked() -> None:
    """Updates that were coalesced are each answered, with the rev that was sent."""
    state = UserState().accept(request("tx-1", a=(1, {"n": 1})), now=at(0))
    state = state.accept(request("tx-2", a=(2, {"n": 2})), now=at(1))
    state, patch = state.begin(now=at(3))
    assert patch is not None
    assert patch.body() == {"a": {"n": 2}}
    state, answers = state.confirm(now=at(4)).take_answers()
    assert answers == (
        Answer(transaction_id="tx-1", traceparent="trace", keys={"a": 2}),
        Answer(transaction_id="tx-2", traceparent="trace", keys={"a": 2}),
    )
    assert state.due_at(TIMING) is None


def test_an_update_during_a_write_causes_exactly_one_more() -> None:
    """What changes while a write is under way goes with the next, and only then is it answered."""
    state = UserState().accept(request("tx-1", a=(1, {"n": 1})), now=at(0))
    state, _ = state.begin(now=at(2))
    for rev in (2, 3):
        state = state.accept(request(f"tx-{rev}", a=(rev, {"n": rev})), now=at(rev))
    state, answers = state.confirm(now=at(4)).take_answers()
    assert [answer.transaction_id for answer in answers] == ["tx-1"]
    assert state.due_at(TIMING) == at(5)
    state, patch = state.begin(now=at(5))
    assert patch is not None
    assert patch.body() == {"a": {"n": 3}}
    state, answers = state.confirm(now=at(6)).take_answers()
    assert [answer.transaction_id for answer in answers] == ["tx-2", "tx-3"]
    assert state.due_at(TIMING) is None


def test_an_unchanged_value_is_answered_without_a_write() -> None:
    """A higher rev of the confirmed value is confirmed at once, at that rev."""
    state = confirmed_at_noon().accept(request("tx-2", a=(2, {"status": "passed"})), now=at(1))
    state, answers = state.take_answers()
    assert answers == (Answer(transaction_id="tx-2", traceparent="trace", keys={"a": 2}),)
    assert state.due_at(TIMING) is None


def test_a_change_that_was_taken_back_leaves_no_trace() -> None:
    """After a change and its undoing nothing is due, and the next change is a first one again."""
    state = confirmed_at_noon().accept(request("tx-2", a=(2, {"status": "failed"})), now=at(1))
    state = state.accept(request("tx-3", a=(3, {"status": "passed"})), now=at(2))
    assert state.due_at(TIMING) is None
    state = state.accept(request("tx-4", a=(4, {"status": "failed"})), now=at(30))
    assert state.due_at(TIMING) == at(32)


def test_what_was_confirmed_long_ago_is_written_again() -> None:
    """After ten minutes somebody else may have changed the user: nothing counts as unchanged."""
    state = confirmed_at_noon().accept(request("tx-2", a=(2, {"status": "passed"})), now=at(601))
    assert state.due_at(TIMING) == at(603)


def test_a_stale_update_is_answered_with_the_newer_rev() -> None:
    """A wish that was overtaken is answered with what overtook it, and changes nothing."""
    state = confirmed_at_noon().accept(request("tx-2", a=(5, {"n": 5})), now=at(1))
    state, _ = state.begin(now=at(3))
    state, _ = state.confirm(now=at(3)).take_answers()
    state, answers = state.accept(request("tx-1", a=(4, {"n": 4})), now=at(4)).take_answers()
    assert answers == (Answer(transaction_id="tx-1", traceparent="trace", keys={"a": 5}),)
    assert state.due_at(TIMING) is None


def test_a_lost_attempt_is_repeated_and_settled() -> None:
    """After an end that was not seen: a retry at once, and one more write 60 s after the attempt."""
    state = UserState().accept(request(a=(1, {"n": 1})), now=at(0))
    state, _ = state.begin(now=at(2))
    state = state.lose(now=at(3))
    assert state.due_at(TIMING) == at(2)
    state, _ = state.begin(now=at(4))
    state, answers = state.confirm(now=at(5)).take_answers()
    assert len(answers) == 1
    assert state.due_at(TIMING) == at(63)
    state, patch = state.begin(now=at(63))
    assert patch is not None
    assert patch.body() == {"a": {"n": 1}}
    assert state.confirm(now=at(64)).due_at(TIMING) is None


def test_nothing_is_unchanged_while_unsettled() -> None:
    """While a lost attempt may still be written, an equal value is written too."""
    state = confirmed_at_noon().unsettle(["a"], now=at(1))
    state = state.accept(request("tx-2", a=(2, {"status": "passed"})), now=at(2))
    assert state.due_at(TIMING) == at(4)


def test_a_lost_settling_write_is_due_again_a_minute_later() -> None:
    """Sixty seconds count from the last attempt whose end was not seen, and until then nothing is sent."""
    state, _ = confirmed_at_noon().unsettle(["a"], now=at(0)).begin(now=at(60))
    state = state.lose(now=at(65))
    assert state.due_at(TIMING) == at(125)
    assert state.begin(now=at(66)) == (state, None)


def test_a_refused_write_is_parked_and_newer_ones_flow() -> None:
    """A parked key is never repeated, its requester is told why, and a newer rev is tried again."""
    state = UserState().accept(request(a=(1, {"n": 1})), now=at(0))
    state, _ = state.begin(now=at(2))
    state, answers = state.park("user_not_found", now=at(3)).take_answers()
    assert answers == (
        Answer(transaction_id="tx-1", traceparent="trace", keys={"a": 1}, reason="user_not_found"),
    )
    assert state.due_at(TIMING) is None
    state = state.accept(request("tx-2", b=(2, {})), now=at(10))
    _, patch = state.begin(now=at(12))
    assert patch is not None
    assert patch.body() == {"b": {}}
    state = state.accept(request("tx-3", a=(3, {"n": 3})), now=at(11))
    _, patch = state.begin(now=at(14))
    assert patch is not None
    assert patch.body() == {"a": {"n": 3}, "b": {}}


def test_a_repeated_update_of_a_parked_rev_is_refused_again() -> None:
    """Who asks once more for what was refused is told so, without a call."""
    state = UserState().accept(request(a=(1, {})), now=at(0))
    state, _ = state.begin(now=at(2))
    state, _ = state.park("payload_refused", now=at(3)).take_answers()
    state, answers = state.accept(request("tx-9", a=(1, {})), now=at(4)).take_answers()
    assert answers == (
        Answer(transaction_id="tx-9", traceparent="trace", keys={"a": 1}, reason="payload_refused"),
    )
    assert state.due_at(TIMING) is None


def test_a_postponed_write_keeps_what_it_carried() -> None:
    """After a failure the same keys are due at the retry; what was no fault of theirs is not counted."""
    state = UserState().accept(request(a=(1, {})), now=at(0))
    state, _ = state.begin(now=at(2))
    assert state.postpone(until=at(9), failed=False).failures == 0
    state = state.postpone(until=at(9), failed=True)
    assert state.failures == 1
    assert state.due_at(TIMING) == at(9)


def test_a_waiting_person_ends_the_pause_between_retries() -> None:
    """A waiting update is tried now, also when background retries of the user were due later."""
    state = UserState().accept(request(a=(1, {})), now=at(0))
    state, _ = state.begin(now=at(2))
    state = state.postpone(until=at(60), failed=True)
    state = state.accept(request("tx-2", waiting=True, a=(2, {"n": 2})), now=at(5))
    assert state.due_at(TIMING) == at(5)
