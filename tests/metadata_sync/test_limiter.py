"""Bucket arithmetic: what may be sent, and what the tenant's own words change."""

from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metadata_sync.limiter import (
    Budget,
    Denied,
    Limit,
    PauseReason,
    accepted,
    charge,
    charge_of,
    corrected,
    ended,
    fresh_budget,
    limit_of,
    paused,
)
from metadata_sync.rate_headers import RateHeaders

NOON = 1_795_348_800.0
ENTERPRISE = limit_of(burst=50, per_second=16, reserve=0.2)
FREE = limit_of(burst=2, per_second=2, reserve=0.2)


def _charged(
    budget: Budget, *, limit: Limit = ENTERPRISE, waiting: bool = False, now: float = NOON
) -> Budget:
    after = charge(budget, charge_of(waiting=waiting), limit=limit, now=now)
    assert isinstance(after, Budget)
    return after


def _spend_all(budget: Budget, *, limit: Limit, waiting: bool, now: float) -> tuple[Budget, int, Denied]:
    count = 0
    while not isinstance(after := charge(budget, charge_of(waiting=waiting), limit=limit, now=now), Denied):
        budget, count = ended(after), count + 1
    return budget, count, after


def test_the_reserve_is_not_ours() -> None:
    """Of a burst of 50 with a fifth reserved, 40 are ours."""
    assert fresh_budget(ENTERPRISE, now=NOON).tokens == 40
    assert ENTERPRISE.reserved == 10


def test_a_waiting_update_costs_two() -> None:
    """Our write and the Action's, which follows at once, are charged together."""
    assert _charged(fresh_budget(ENTERPRISE, now=NOON), waiting=True).tokens == 38


def test_a_quarter_of_the_burst_is_kept_for_people() -> None:
    """Background writes stop while 10 of 40 are left; waiting ones go on."""
    budget, count, denied = _spend_all(
        fresh_budget(ENTERPRISE, now=NOON), limit=ENTERPRISE, waiting=False, now=NOON
    )
    assert (count, budget.tokens) == (30, 10)
    assert denied.seconds == 1
    budget, count, _ = _spend_all(budget, limit=ENTERPRISE, waiting=True, now=NOON)
    assert (count, budget.tokens) == (5, 0)


def test_tokens_come_in_whole_windows() -> None:
    """Nothing is refilled before the second is full; then a second's worth, up to the burst."""
    empty = Budget(tokens=0, refill_at=NOON + 1)
    assert isinstance(charge(empty, charge_of(waiting=True), limit=ENTERPRISE, now=NOON + 0.99), Denied)
    assert _charged(empty, waiting=True, now=NOON + 1).tokens == pytest.approx(12.8 - 2)
    assert _charged(empty, waiting=True, now=NOON + 60).tokens == 38


def test_the_smallest_plan_still_serves_people() -> None:
    """On the free plan (2 a second) a waiting update goes at once, the next within two refills."""
    budget = _charged(fresh_budget(FREE, now=NOON), limit=FREE, waiting=True)
    denied = charge(budget, charge_of(waiting=True), limit=FREE, now=NOON)
    assert denied == Denied(seconds=2)
    assert _charged(budget, limit=FREE, waiting=True, now=NOON + 2).tokens == pytest.approx(-0.4)


def test_the_tenant_lowers_our_count_at_once() -> None:
    """What remains in the tenant's bucket, less the reserve and what is on its way, is all we have."""
    budget = _charged(_charged(fresh_budget(ENTERPRISE, now=NOON)))
    budget = corrected(ended(budget), RateHeaders(limit=50, remaining=20), limit=ENTERPRISE, now=NOON)
    assert budget.tokens == 20 - 10 - 1


def test_a_smaller_plan_than_configured_is_noticed() -> None:
    """Of a bucket of 10 where 50 were expected, a fifth is still reserved, not more than there is."""
    budget = fresh_budget(ENTERPRISE, now=NOON)
    budget = corrected(budget, RateHeaders(limit=10, remaining=9), limit=ENTERPRISE, now=NOON)
    assert budget.tokens == 9 - 2


def test_the_tenant_never_raises_our_count() -> None:
    """A bucket that looks fuller than ours may be somebody else's share."""
    budget = Budget(tokens=3, refill_at=NOON + 1)
    assert corrected(budget, RateHeaders(limit=50, remaining=49), limit=ENTERPRISE, now=NOON) == budget


def test_an_exhausted_bucket_is_refilled_when_the_tenant_says() -> None:
    """With nothing left for us, we wait for the reset of the header, not for our own window."""
    headers = RateHeaders(limit=50, remaining=0, reset=NOON + 8, date=NOON)
    budget = corrected(fresh_budget(ENTERPRISE, now=NOON), headers, limit=ENTERPRISE, now=NOON)
    assert charge(budget, charge_of(waiting=True), limit=ENTERPRISE, now=NOON) == Denied(seconds=8)


def test_a_tenant_with_another_clock_is_understood() -> None:
    """A reset by a clock that is an hour ahead is moved by that hour."""
    headers = RateHeaders(limit=50, remaining=0, reset=NOON + 3605, date=NOON + 3600)
    budget = corrected(fresh_budget(ENTERPRISE, now=NOON), headers, limit=ENTERPRISE, now=NOON)
    assert budget.refill_at == NOON + 5


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (RateHeaders(retry_after=7, reset=NOON + 60), 7),
        (RateHeaders(reset=NOON + 2), 2),
        (RateHeaders(reset=NOON - 5), 0.1),
        (RateHeaders(retry_after=86_400), 300),
        (RateHeaders(), 2),
    ],
)
def test_a_429_pauses_as_long_as_the_tenant_says(headers: RateHeaders, seconds: float) -> None:
    """Retry-After first, then the reset, then a guess; never longer than five minutes."""
    budget = paused(fresh_budget(ENTERPRISE, now=NOON), PauseReason.RATE_LIMITED, headers=headers, now=NOON)
    denied = charge(budget, charge_of(waiting=True), limit=ENTERPRISE, now=NOON)
    assert isinstance(denied, Denied)
    assert denied.seconds == pytest.approx(seconds)


def test_a_429_of_an_earlier_request_does_not_shorten_the_pause() -> None:
    """Of two pauses the longer holds."""
    budget = fresh_budget(ENTERPRISE, now=NOON)
    for seconds in (60, 1):
        headers = RateHeaders(retry_after=seconds)
        budget = paused(budget, PauseReason.RATE_LIMITED, headers=headers, now=NOON)
    assert budget.pause is not None
    assert budget.pause.until == NOON + 60


def test_a_late_success_does_not_end_a_429() -> None:
    """A request that was sent before the 429 says nothing about now."""
    budget = paused(
        fresh_budget(ENTERPRISE, now=NOON),
        PauseReason.RATE_LIMITED,
        headers=RateHeaders(retry_after=9),
        now=NOON,
    )
    assert accepted(budget, now=NOON + 1) == budget
    assert accepted(budget, now=NOON + 9).pause is None


def test_refused_credentials_are_probed_one_at_a_time() -> None:
    """After the pause one request may try, the others wait for it; each failure doubles the pause."""
    budget = paused(fresh_budget(ENTERPRISE, now=NOON), PauseReason.FORBIDDEN, headers=None, now=NOON)
    assert charge(budget, charge_of(waiting=True), limit=ENTERPRISE, now=NOON + 1) == Denied(seconds=1)
    probing = _charged(budget, now=NOON + 2)
    assert charge(probing, charge_of(waiting=True), limit=ENTERPRISE, now=NOON + 3) == Denied(seconds=1)
    again = paused(probing, PauseReason.FORBIDDEN, headers=None, now=NOON + 3)
    assert again.pause is not None
    assert again.pause.until == NOON + 3 + 4
    assert accepted(probing, now=NOON + 3).pause is None


@dataclass
class _WindowTenant:
    """Auth0's bucket as documented: refilled at the top of each second."""

    burst: int
    per_second: int
    offset: float
    tokens: int = field(init=False)
    second: float = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = self.burst
        self.second = (NOON + self.offset) // 1

    def takes(self, now: float) -> RateHeaders | None:
        second = (now + self.offset) // 1
        self.tokens = int(min(self.burst, self.tokens + (second - self.second) * self.per_second))
        self.second = second
        if self.tokens < 1:
            return None
        self.tokens -= 1
        return RateHeaders(
            limit=self.burst, remaining=self.tokens, reset=second + 1, date=(now + self.offset) // 1
        )


@settings(max_examples=100, deadline=None)
@given(
    plan=st.sampled_from([(50, 16), (10, 2), (2, 2)]), offset=st.floats(0, 0.9), seed=st.integers(0, 10_000)
)
def test_alone_we_never_meet_a_429(plan: tuple[int, int], offset: float, seed: int) -> None:
    """A tenant whose windows begin at another moment never refuses a client that is alone."""
    burst, per_second = plan
    limit = limit_of(burst=burst, per_second=per_second, reserve=0.2)
    tenant = _WindowTenant(burst=burst, per_second=per_second, offset=offset)
    budget, now, random = fresh_budget(limit, now=NOON), NOON, Random(seed)  # noqa: S311 - a schedule that can be repeated
    for _ in range(200):
        now += random.choice([0, 0.01, 0.3, 1])
        kind = charge_of(waiting=random.random() < 0.3)
        after = charge(budget, kind, limit=limit, now=now)
        if isinstance(after, Denied):
            now += max(0, after.seconds)
            continue
        headers = tenant.takes(now)
        assert headers is not None
        budget = corrected(ended(after), headers, limit=limit, now=now)
        assert not kind.waiting or tenant.takes(now) is not None
