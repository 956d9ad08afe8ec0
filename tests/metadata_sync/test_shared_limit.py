"""A tenant's bucket between us, people, the Actions and others, on a clock of its own."""

import heapq
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metadata_sync.limiter import (
    Budget,
    Denied,
    PauseReason,
    accepted,
    charge,
    charge_of,
    corrected,
    ended,
    followed,
    fresh_budget,
    limit_of,
    not_followed,
    paused,
    wanted,
)
from metadata_sync.rate_headers import RateHeaders
from tests.metadata_sync.simulated_bucket import SimulatedBucket

ANSWER_SECONDS = 0.03


@dataclass(kw_only=True)
class Sharing:
    """Background work without end, and Poisson streams of people and of others, each so many a second.

    The others come after `others_after` seconds, and what is counted begins then.
    """

    bucket: SimulatedBucket
    seed: int
    people: float = 0.0
    others: float = 0.0
    others_after: float = 0.0
    taken: dict[str, int] = field(default_factory=lambda: {"ours": 0, "actions": 0, "others": 0})
    refused: dict[str, int] = field(default_factory=lambda: {"ours": 0, "actions": 0, "others": 0})
    waited: list[float] = field(default_factory=list)

    def run(self, seconds: float) -> "Sharing":
        self.random = Random(self.seed)  # noqa: S311 - a run that can be repeated
        self.limit = limit_of((self.bucket.burst, self.bucket.per_second), reserve=0.2)
        self.now = 1_000.0 + self.random.random()
        self.budget: Budget = fresh_budget(self.limit, now=self.now)
        self.events: list[tuple[float, int, str, Any]] = []
        self.numbers = count()
        self._in(0, "background")
        self._in_a_while("person", self.people)
        self._in(self.others_after, "others")
        end = self.now + seconds
        while self.events[0][0] < end:
            self.now, _, event, detail = heapq.heappop(self.events)
            getattr(self, f"_{event}")(detail)
        return self

    def _in(self, seconds: float, event: str, detail: Any = None) -> None:
        heapq.heappush(self.events, (self.now + seconds, next(self.numbers), event, detail))

    def _in_a_while(self, event: str, rate: float) -> None:
        if rate:
            self._in(self.random.expovariate(rate), event)

    def _background(self, _: None) -> None:
        charged = charge(self.budget, charge_of(waiting=False), limit=self.limit, now=self.now)
        if isinstance(charged, Budget):
            self._send(charged, "ours")
        self._in(max(charged.seconds, 0.001) if isinstance(charged, Denied) else 0.001, "background")

    def _person(self, _: None) -> None:
        self._in_a_while("person", self.people)
        self._wait(self.now)

    def _wait(self, since: float) -> None:
        charged = charge(self.budget, charge_of(waiting=True), limit=self.limit, now=self.now)
        if isinstance(charged, Denied):
            self.budget = wanted(self.budget, charged, now=self.now)
            self._in(max(charged.seconds, 0.001), "wait", since)
        else:
            self.waited.append(self.now - since)
            self._send(charged, "ours")
            self._in(self.random.uniform(0.1, 0.5), "action")

    def _send(self, charged: Budget, whose: str) -> None:
        self.budget = charged
        self._in(ANSWER_SECONDS / 2, "arrival", (whose, charged.charged))

    def _action(self, _: None) -> None:
        self._take("actions")

    def _others(self, _: None) -> None:
        self.taken, self.refused = (dict.fromkeys(counts, 0) for counts in (self.taken, self.refused))
        self._in_a_while("other", self.others)

    def _other(self, _: None) -> None:
        self._in_a_while("other", self.others)
        self._take("others")

    def _arrival(self, detail: tuple[str, int]) -> None:
        whose, number = detail
        taken, headers = self._take(whose)
        travel = ANSWER_SECONDS * self.random.uniform(0.3, 0.7)
        self._in(travel, "response", (number, taken, headers))

    def _take(self, whose: str) -> tuple[bool, RateHeaders]:
        taken, headers = self.bucket.take(self.now)
        (self.taken if taken else self.refused)[whose] += 1
        return taken, headers

    def _response(self, detail: tuple[int, bool, RateHeaders]) -> None:
        number, taken, headers = detail
        budget = corrected(ended(self.budget), headers, number=number, limit=self.limit, now=self.now)
        if taken:
            self.budget = followed(accepted(budget, now=self.now), number=number, now=self.now)
        else:
            budget = not_followed(budget, number=number)
            self.budget = paused(budget, PauseReason.RATE_LIMITED, headers=headers, now=self.now)


PLANS = [(50, 50), (50, 16), (20, 20), (20, 200 / 60), (10, 2), (2, 2)]


@settings(max_examples=100, deadline=None)
@given(
    plan=st.sampled_from(PLANS),
    smooth=st.booleans(),
    ahead=st.floats(-3, 3),
    people=st.sampled_from([0, 0.02, 0.1]),
    seed=st.integers(0, 10_000),
)
def test_alone_we_never_meet_a_429(
    plan: tuple[int, float],
    smooth: bool,  # noqa: FBT001 - drawn
    ahead: float,
    people: float,
    seed: int,
) -> None:
    """However the tenant refills and whatever its clock says, a client that is alone is never refused."""
    bucket = SimulatedBucket(burst=plan[0], per_second=plan[1], smooth=smooth, ahead=ahead)
    run = Sharing(bucket=bucket, seed=seed, people=people * plan[1]).run(20)
    assert run.refused["ours"] == 0, f"seed {seed}"


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize(("burst", "per_second"), [(50, 50), (50, 16), (20, 20), (10, 2)])
def test_what_is_ours_is_used(burst: int, per_second: float, smooth: bool) -> None:  # noqa: FBT001 - a parameter
    """While there is work at least 0.98 of the rate is used, the customer's reserve taken off."""
    run = Sharing(bucket=SimulatedBucket(burst=burst, per_second=per_second, smooth=smooth), seed=1).run(120)
    assert run.taken["ours"] >= 0.98 * 0.8 * per_second * 120


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_a_neighbour_that_takes_half_is_left_its_share(seed: int, smooth: bool) -> None:  # noqa: FBT001 - a parameter
    """It comes anew; 0.5 % at most of what it asks is refused, and we use at least 0.8 of what it leaves."""
    bucket = SimulatedBucket(burst=50, per_second=50, smooth=smooth)
    run = Sharing(bucket=bucket, seed=seed, others=25, others_after=10).run(310)
    asked = run.taken["others"] + run.refused["others"]
    assert run.refused["others"] <= 0.005 * asked
    assert run.taken["ours"] >= 0.8 * (50 * 300 - asked)


@pytest.mark.parametrize(("burst", "per_second"), [(50, 50), (50, 16), (20, 20), (10, 2)])
def test_people_do_not_wait_for_the_background(burst: int, per_second: float) -> None:
    """With a burst of 10 or more a person among work without end finds budget at once, 99 times of 100."""
    bucket = SimulatedBucket(burst=burst, per_second=per_second)
    run = Sharing(bucket=bucket, seed=1, people=per_second * 0.02).run(3_000 / per_second)
    assert sorted(run.waited)[int(len(run.waited) * 0.99)] == 0


def test_people_on_the_smallest_plan_wait_two_refills_at_most() -> None:
    """On the free plan a person among work without end waits two seconds at most, 99 times of 100."""
    run = Sharing(bucket=SimulatedBucket(burst=2, per_second=2), seed=1, people=0.04).run(5_000)
    assert sorted(run.waited)[int(len(run.waited) * 0.99)] <= 2
