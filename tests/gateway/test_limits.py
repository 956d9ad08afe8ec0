"""Token buckets, by a clock that stands still until it is moved."""

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.limits import Limit, Rate
from tests.support.clock import FakeClock

ANNA, BERT = b"\x0a\x00\x00\x01", b"\x0a\x00\x00\x02"
TEN_IN_FIVE = Rate(burst=10, seconds=5.0)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def limit(clock: FakeClock, rate: Rate | None = TEN_IN_FIVE, *, most_keys: int = 1_000) -> Limit:
    return Limit(rate, monotonic=clock.monotonic, most_keys=most_keys)


def taken(bucket: Limit, key: bytes, *, asked: int) -> int:
    """How many of so many requests at once are let through."""
    return [bucket.take(key) for _ in range(asked)].count(0.0)


def test_a_full_bucket(clock: FakeClock) -> None:
    """As many as the burst at once, and not one more."""
    assert taken(limit(clock), ANNA, asked=25) == 10


def test_the_wait_that_is_told(clock: FakeClock) -> None:
    """Who was refused is told when one is there again, and then it is."""
    bucket = limit(clock)
    taken(bucket, ANNA, asked=10)
    seconds = bucket.take(ANNA)
    assert seconds == pytest.approx(0.5)
    clock.advance(seconds - 0.01)
    assert bucket.take(ANNA) == pytest.approx(0.01)
    clock.advance(0.01)
    assert bucket.take(ANNA) == 0
    assert bucket.take(ANNA) == pytest.approx(0.5)


def test_what_is_refused_costs_nothing(clock: FakeClock) -> None:
    """Who asks on and on while the bucket is empty waits no longer than who does not."""
    bucket = limit(clock)
    taken(bucket, ANNA, asked=1_000)
    clock.advance(2.5)
    assert taken(bucket, ANNA, asked=1_000) == 5


def test_it_is_filled_evenly_and_never_above(clock: FakeClock) -> None:
    """Half the time gives half of it back; a year gives no more than all."""
    bucket = limit(clock)
    taken(bucket, ANNA, asked=10)
    clock.advance(2.5)
    assert taken(bucket, ANNA, asked=10) == 5
    clock.advance(5.0)
    assert taken(bucket, ANNA, asked=20) == 10
    clock.advance(365 * 86_400.0)
    assert taken(bucket, ANNA, asked=20) == 10


def test_everybody_has_their_own(clock: FakeClock) -> None:
    """One key that is refused takes nothing from another."""
    bucket = limit(clock)
    assert taken(bucket, ANNA, asked=100) == 10
    assert taken(bucket, BERT, asked=100) == 10


def test_off(clock: FakeClock) -> None:
    """Without a rate nobody is refused, and nobody remembered."""
    bucket = limit(clock, None)
    bucket.charge(ANNA, cost=1_000)
    assert taken(bucket, ANNA, asked=1_000) == 1_000
    assert len(bucket) == 0


def test_a_charge(clock: FakeClock) -> None:
    """What turned out to cost more is taken as well, beyond empty if need be, and delays the next."""
    bucket = limit(clock)
    bucket.take(ANNA)
    bucket.charge(ANNA, cost=4)
    assert taken(bucket, ANNA, asked=10) == 5
    bucket.charge(ANNA, cost=4)
    assert bucket.take(ANNA) == pytest.approx(2.5)
    clock.advance(2.5)
    assert taken(bucket, ANNA, asked=10) == 1


def test_charges_of_many_at_once(clock: FakeClock) -> None:
    """However many were on their way when the bucket was empty, they owe what one would."""
    bucket = limit(clock)
    taken(bucket, ANNA, asked=10)
    for _ in range(50):
        bucket.charge(ANNA, cost=4)
    assert bucket.take(ANNA) == pytest.approx(2.5)


def test_who_is_full_is_forgotten(clock: FakeClock) -> None:
    """Only who has taken something lately is remembered; the others go while new ones come."""
    bucket = limit(clock)
    for number in range(100):
        bucket.take(bytes([number]))
    assert len(bucket) == 100
    clock.advance(0.5)
    for number in range(50):
        bucket.take(bytes([200, number]))
    assert len(bucket) == 50
    clock.advance(0.5)
    assert taken(bucket, ANNA, asked=10) == 10
    assert len(bucket) == 1 + 50 - 20


def test_many_keys(clock: FakeClock) -> None:
    """There is room for so many; the one that came longest ago makes way, and begins anew."""
    bucket = limit(clock, most_keys=100)
    taken(bucket, ANNA, asked=10)
    taken(bucket, BERT, asked=10)
    for number in range(98):
        bucket.take(bytes([number]))
    assert bucket.take(ANNA) > 0  # refused, which is no coming
    assert len(bucket) == 100
    bucket.take(b"one more")
    assert len(bucket) == 100
    assert bucket.take(BERT) > 0
    assert bucket.take(ANNA) == 0
    assert len(bucket) == 100


class Buckets(RuleBasedStateMachine):
    """Whatever is asked whenever: within any span nobody gets more than burst and refill."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.limit = limit(self.clock)
        self.taken: dict[bytes, list[float]] = {ANNA: [], BERT: []}
        self.charged: set[bytes] = set()

    @rule(seconds=st.floats(0, 20))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(key=st.sampled_from((ANNA, BERT)), times=st.integers(1, 30))
    def ask(self, key: bytes, times: int) -> None:
        for _ in range(times):
            if self.limit.take(key) == 0:
                self.taken[key].append(self.clock.monotonic())

    @rule(key=st.sampled_from((ANNA, BERT)), cost=st.integers(1, 9))
    def charge(self, key: bytes, cost: int) -> None:
        self.limit.charge(key, cost=cost)
        self.charged.add(key)

    @rule(key=st.sampled_from((ANNA, BERT)))
    def wait_as_told(self, key: bytes) -> None:
        """A refusal says how long, and that is true and never longer than a bucket and one charge."""
        seconds = self.limit.take(key)
        if seconds:
            assert 0 < seconds <= 10 * 0.5
            self.clock.advance(seconds)
            assert self.limit.take(key) == 0
        self.taken[key].append(self.clock.monotonic())

    @invariant()
    def nobody_has_more(self) -> None:
        for times in self.taken.values():
            for first, begun in enumerate(times):
                for last in range(first, len(times)):
                    assert last - first + 1 <= 10 + (times[last] - begun) * 2 + 1e-3


TestBuckets = Buckets.TestCase
TestBuckets.settings = hypothesis.settings(max_examples=40, stateful_step_count=15, deadline=None)
