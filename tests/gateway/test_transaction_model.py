"""No sequence of acts, in whatever order, leads a login out of its diagram."""

import re
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import gateway.transaction
from gateway.errors import TransitionError
from gateway.transaction import LAST_CALL, MetadataOutcome, Status, Transaction
from gateway.transaction_step import Step, StepStatus
from tests.gateway.made import DEADLINE, NOW, concluded, opened

NAMES = ("terms", "profile", "idproof")
_EDGES = set(re.findall(r"^ +(\w+) --> (\w+):", gateway.transaction.__doc__ or "", flags=re.MULTILINE))
# `settle` follows the last step in one saved change; seen by itself it leaves from `working`.
EDGES = _EDGES | {("waiting", "working"), ("working", "working"), ("working", "waiting")}
ENDS = [StepStatus.PASSED, StepStatus.FAILED, StepStatus.DECLINED, StepStatus.PENDING, StepStatus.ABANDONED]
names, ends = st.sampled_from(NAMES), st.sampled_from(ENDS)


class AnyActs(RuleBasedStateMachine):
    """Acts at random; each is either refused or one edge of the diagram."""

    @initialize(count=st.integers(1, 3))
    def begin(self, count: int) -> None:
        self.login = opened(*NAMES[:count])

    def _go(self, act: str, *arguments: object, **named: object) -> None:
        before = self.login
        try:
            after: Transaction = getattr(before, act)(*arguments, **named)
        except TransitionError:
            return
        assert (before.status.value, after.status.value) in EDGES
        assert after.version == before.version + 1
        assert before.claimed_by in (None, after.claimed_by)
        assert all(_is_kept(old, new) for old, new in zip(before.steps, after.steps, strict=True))
        self.login = after

    @rule(browser=st.binary(min_size=1, max_size=2))
    def claim(self, browser: bytes) -> None:
        self._go("claim", browser)

    @rule(name=names)
    def ask(self, name: str) -> None:
        self._go("ask", name)

    @rule(enough=st.integers(0, 3))
    def end_early(self, enough: int) -> None:
        if enough == 0:
            self._go("end_early", at=NOW, reason="stopped_by_person")

    @rule(name=names, number=st.integers(0, 5))
    def submit(self, name: str, number: int) -> None:
        self._go("submit", name, verification_id=f"V{number}")

    @rule(name=names, end=ends)
    def conclude(self, name: str, end: StepStatus) -> None:
        self._go("conclude", name, concluded(end))

    @rule(name=names, end=ends)
    def decide(self, name: str, end: StepStatus) -> None:
        self._go("decide", name, concluded(end))

    @rule(name=names, end=ends, enough=st.integers(0, 9))
    def restart(self, name: str, end: StepStatus, enough: int) -> None:
        if enough == 0:  # nothing comes after it
            self._go("restart", name, concluded(end), rev=3)

    @rule(rev=st.integers(1, 9), seconds=st.integers(-10, 9000))
    def settle(self, rev: int, seconds: int) -> None:
        self._go("settle", rev=rev, until=NOW + timedelta(seconds=seconds))

    @rule(outcome=st.sampled_from(list(MetadataOutcome)))
    def finish_metadata(self, outcome: MetadataOutcome) -> None:
        self._go("finish_metadata", outcome)

    @rule()
    def hand_back(self) -> None:
        self._go("hand_back")

    @rule(enough=st.integers(0, 9))
    def expire(self, enough: int) -> None:
        if enough == 0:  # not at once in nearly every run
            self._go("expire")

    @rule(enough=st.integers(0, 9))
    def cancel(self, enough: int) -> None:
        if enough == 0:
            self._go("cancel")

    @rule(enough=st.integers(0, 9))
    def give_way(self, enough: int) -> None:
        if enough == 0:
            self._go("give_way")

    @invariant()
    def only_its_browser_goes_on(self) -> None:
        ended = (Status.EXPIRED, Status.CANCELLED, Status.DISPLACED)
        if self.login.status not in (Status.OPENED, *ended):
            assert self.login.claimed_by is not None

    @invariant()
    def steps_are_done_in_their_order(self) -> None:
        done = [step.is_concluded for step in self.login.steps]
        assert done == sorted(done, reverse=True)
        assert sum(step.status is StepStatus.SUBMITTED for step in self.login.steps) <= 1

    @invariant()
    def a_waiting_login_says_what_for(self) -> None:
        assert (self.login.status is Status.WAITING) == (self.login.waiting_for is not None)

    @invariant()
    def an_answer_has_everything(self) -> None:
        if self.login.status in (Status.READY, Status.HANDED_BACK):
            assert self.login.metadata is not None
            assert all(step.conclusion is not None and step.rev for step in self.login.steps)

    @invariant()
    def somebody_wakes_up_in_time(self) -> None:
        wakes: datetime | None = self.login.wake_at
        match self.login.status:
            case Status.EXPIRED | Status.CANCELLED | Status.DISPLACED:
                assert wakes is None
            case Status.WAITING:
                assert wakes is not None
                assert wakes <= DEADLINE - LAST_CALL
            case _:
                assert wakes == DEADLINE


def _is_kept(old: Step, new: Step) -> bool:
    """What is concluded stays as it is; only its rev comes, once, when the login is settled."""
    if not old.is_concluded:
        return True
    return (old.status, old.conclusion, old.verification_id) == (
        new.status,
        new.conclusion,
        new.verification_id,
    ) and old.rev in (None, new.rev)


TestAnyActs = AnyActs.TestCase
TestAnyActs.settings = settings(max_examples=150, stateful_step_count=30)
