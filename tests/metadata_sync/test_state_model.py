"""Random lives of one user, against a tenant that may lose, delay and refuse."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from metadata_sync.coalesce import Patch, Value
from metadata_sync.state import UserState
from tests.metadata_sync.states import NOON, TIMING, request

_KEYS = st.sampled_from(["a", "b"])
_VALUES = st.none() | st.dictionaries(st.just("n"), st.integers(0, 2), min_size=1)


class UserLife(RuleBasedStateMachine):
    """A model tenant merges what reaches it, some of it late; at most 30 s late, as requests are."""

    def __init__(self) -> None:
        super().__init__()
        self.now: datetime = NOON
        self.state = UserState()
        self.rev = 0
        self.latest: dict[str, Value] = {}
        self.tenant: dict[str, Any] = {}
        self.sent: Patch | None = None
        self.late: list[tuple[datetime, Patch]] = []
        self.asked: set[str] = set()
        self.answered: list[str] = []

    @rule(key=_KEYS, value=_VALUES, waiting=st.booleans())
    def update(self, key: str, value: Value, *, waiting: bool) -> None:
        self.rev += 1
        self.latest[key] = value
        self.asked.add(f"tx-{self.rev}")
        asked = request(f"tx-{self.rev}", waiting=waiting, **{key: (self.rev, value)})
        self._became(self.state.accept(asked, now=self.now))

    @rule(seconds=st.sampled_from([0.1, 1, 2, 29]))
    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self._deliver_late()

    @rule()
    def begin_when_due(self) -> None:
        due = self.state.due_at(TIMING)
        if self.state.attempt is None and due is not None and due <= self.now:
            self._begin()

    @precondition(lambda self: self.sent is not None)
    @rule()
    def take_over(self) -> None:
        """The worker died, its request travels on."""
        self._send_late(20)
        self._became(self.state.lose(now=self.now))

    @precondition(lambda self: self.sent is not None)
    @rule()
    def answer_200(self) -> None:
        self._apply(self.sent)
        self.sent = None
        self._became(self.state.confirm(now=self.now))

    @precondition(lambda self: self.sent is not None)
    @rule(seconds=st.sampled_from([0, 5, 30]))
    def time_out(self, seconds: int) -> None:
        self._send_late(seconds)
        lost = self.state.lose(now=self.now)
        self._became(lost.postpone(until=self.now + timedelta(seconds=1), failed=True))

    @precondition(lambda self: self.sent is not None)
    @rule()
    def limit(self) -> None:
        self.sent = None
        self._became(self.state.postpone(until=self.now, failed=False))

    @invariant()
    def nothing_is_forgotten(self) -> None:
        """Whoever asked is answered or will be: something is due, or under way."""
        pending = self.asked - set(self.answered)
        assert not pending or self.state.attempt or self.state.due_at(TIMING)

    @invariant()
    def nobody_is_answered_twice(self) -> None:
        assert len(self.answered) == len(set(self.answered))

    def teardown(self) -> None:
        """When nothing happens any more, the tenant holds the latest value of every key."""
        if self.sent:
            self.answer_200()
        while (due := self.state.due_at(TIMING)) is not None:
            self.now = max(due, self.now)
            self._deliver_late()
            self._begin()
            if self.sent:
                self.answer_200()
        self.now += timedelta(seconds=60)
        self._deliver_late()
        assert self.tenant == {key: value for key, value in self.latest.items() if value is not None}
        assert set(self.answered) == self.asked

    def _begin(self) -> None:
        state, self.sent = self.state.begin(now=self.now)
        self._became(state)

    def _became(self, state: UserState) -> None:
        self.state, answers = state.take_answers()
        self.answered += [answer.transaction_id for answer in answers]

    def _send_late(self, seconds: int) -> None:
        assert self.sent is not None
        self.late.append((self.now + timedelta(seconds=seconds), self.sent))
        self.sent = None

    def _deliver_late(self) -> None:
        for entry in sorted((e for e in self.late if e[0] <= self.now), key=lambda e: e[0]):
            self.late.remove(entry)
            self._apply(entry[1])

    def _apply(self, patch: Patch | None) -> None:
        assert patch is not None
        for key, value in patch.body().items():
            if value is None:
                self.tenant.pop(key, None)
            else:
                self.tenant[key] = value


def test_any_life_ends_with_the_latest_values() -> None:
    """Whatever happens in whatever order, the tenant ends with the latest values and all are told once."""
    run_state_machine_as_test(
        UserLife, settings=settings(max_examples=150, stateful_step_count=40, deadline=None)
    )
