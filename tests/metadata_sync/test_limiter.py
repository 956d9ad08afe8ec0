"""What may be sent to one domain, and what the tenant's own words change."""

from dataclasses import replace

import pytest

from metadata_sync.bucket import Level
from metadata_sync.limiter import (
    Budget,
    Denied,
    Limit,
    PauseReason,
    accepted,
    charge,
    charge_of,
    corrected,
    doubted,
    ended,
    fitting,
    followed,
    fresh_budget,
    is_shared,
    limit_of,
    not_followed,
    paused,
    wanted,
)
from metadata_sync.rate_headers import RateHeaders

NOON = 1_795_348_800.0
ENTERPRISE = limit_of((50, 16), reserve=0.2)
FREE = limit_of((2, 2), reserve=0.2)
FULL = RateHeaders(limit=50, remaining=50, reset=NOON + 1, date=NOON)


def _full(limit: Limit = ENTERPRISE) -> Budget:
    """Of a tenant that has told at noon that nothing is spent, after an idle minute."""
    levels = tuple(
        Level(
            at=NOON,
            share=rule.our_burst,
            owed=1,
            there=rule.burst,
            refill_at=NOON + 1,
            window=NOON + 1,
            heard_at=NOON,
        )
        for rule in limit.rules
    )
    return Budget(levels=levels, heard_at=NOON, skew=0)


def _charged(
    budget: Budget, *, limit: Limit = ENTERPRISE, waiting: bool = False, now: float = NOON
) -> Budget:
    after = charge(budget, charge_of(waiting=waiting), limit=limit, now=now)
    assert isinstance(after, Budget)
    return after


def _denied(budget: Budget, *, limit: Limit = ENTERPRISE, waiting: bool = True, now: float = NOON) -> float:
    """For how many seconds."""
    after = charge(budget, charge_of(waiting=waiting), limit=limit, now=now)
    assert isinstance(after, Denied)
    return after.seconds


def _spend_all(
    budget: Budget, *, waiting: bool, limit: Limit = ENTERPRISE, now: float = NOON
) -> tuple[Budget, int]:
    count = 0
    while not isinstance(after := charge(budget, charge_of(waiting=waiting), limit=limit, now=now), Denied):
        budget, count = ended(after), count + 1
    return budget, count


def _told(budget: Budget, *, plan: Limit = ENTERPRISE, **headers: float) -> Budget:
    """After the answer to the last request, at noon."""
    told = replace(FULL, **headers)
    return corrected(budget, told, number=budget.charged, limit=plan, now=NOON)


def test_the_reserve_is_not_ours() -> None:
    """Of a burst of 50 with a fifth reserved 40 are ours, of which 30 go to the background at once."""
    budget, count = _spend_all(_full(), waiting=False)
    assert (count, budget.levels[0].share, budget.levels[0].there) == (30, 10, 20)


def test_a_quarter_of_the_burst_is_kept_for_people() -> None:
    """When the background has spent its part, five people's writes and the Actions' after them still fit."""
    budget, count = _spend_all(_spend_all(_full(), waiting=False)[0], waiting=True)
    assert (count, budget.levels[0].share) == (5, 0)


def test_a_waiting_update_costs_two() -> None:
    """Our write and the Action's, which follows at once, are charged together; only ours is sent now."""
    (level,) = _charged(_full(), waiting=True).levels
    assert (level.share, level.there) == (38, 49)


def test_our_share_grows_evenly() -> None:
    """Whatever the tenant's refills look like, we send no gusts: at 16 a second a request each 78 ms."""
    budget, _ = _spend_all(_full(), waiting=False)
    assert _denied(budget, waiting=False) == pytest.approx(1 / 12.8)
    assert _charged(budget, now=NOON + 1 / 12.8)


def test_people_leave_a_tenth_of_the_rate_to_the_background() -> None:
    """However many people wait, of 12.8 a second the background gets 1.28."""
    budget, now, written = _full(), NOON, 0
    for step in range(2000):
        now = NOON + step / 20
        budget, _ = _spend_all(budget, waiting=True, now=now)
        after = charge(budget, charge_of(waiting=False), limit=ENTERPRISE, now=now)
        if isinstance(after, Budget):
            budget, written = ended(after), written + 1
        budget = replace(budget, levels=(replace(budget.levels[0], there=50.0, unproven=0),))
    assert written == pytest.approx(128, abs=2)


def test_the_smallest_plan_still_serves_people() -> None:
    """On the free plan (2 a second) a waiting update goes at once, the next within two refills."""
    budget = _told(_charged(_full(FREE), limit=FREE, waiting=True), plan=FREE, limit=2, remaining=1)
    assert _denied(budget, limit=FREE) == pytest.approx(1.25)


def test_what_is_there_is_what_a_response_proves() -> None:
    """Up as well as down: what remained after the request, less the requests that were sent since."""
    budget = _charged(_charged(_full()))
    number = budget.charged
    budget = _charged(_charged(budget))
    for remaining in (20, 45):
        told = corrected(
            budget, replace(FULL, remaining=remaining), number=number, limit=ENTERPRISE, now=NOON
        )
        assert told.levels[0].there == remaining - 2


def test_an_answer_from_before_the_refill_does_not_count_after_it() -> None:
    """Of two responses that overtook each other the one with the later reset is believed."""
    budget = _told(_charged(_full()), remaining=49, reset=NOON + 2)
    assert _told(budget, remaining=3, reset=NOON + 1).levels[0].there == 49


def test_a_refill_that_no_response_has_shown_is_used_with_care() -> None:
    """After a refill by our clock alone a tenth of the burst goes, until a response has proved it."""
    budget = _told(_charged(fresh_budget(ENTERPRISE, now=NOON)), remaining=11, reset=NOON + 1)
    budget, count = _spend_all(budget, waiting=False, now=NOON + 1)
    assert count == 5
    told = RateHeaders(limit=50, remaining=45, reset=NOON + 2, date=NOON + 1)
    budget = corrected(budget, told, number=budget.charged, limit=ENTERPRISE, now=NOON + 1)
    assert _spend_all(budget, waiting=False, now=NOON + 1)[1] == 7


def test_an_exhausted_bucket_is_refilled_when_the_tenant_says() -> None:
    """With nothing there, we wait for the reset of the header, not for our own second."""
    budget = _told(_charged(_full()), remaining=0, reset=NOON + 8)
    assert _denied(budget) == 8


def test_a_tenant_with_another_clock_is_understood() -> None:
    """A reset by a clock that is an hour ahead is moved by that hour."""
    budget = replace(_charged(_full()), skew=None)
    budget = _told(budget, remaining=0, reset=NOON + 3605, date=NOON + 3600)
    assert _denied(budget) == 5


def test_a_smaller_plan_than_configured_is_noticed() -> None:
    """Of a bucket of 10 where 50 were expected 8 are ours, of which people keep 4."""
    budget = _charged(fresh_budget(ENTERPRISE, now=NOON))
    budget = _told(ended(budget), limit=10, remaining=9)
    assert budget.levels[0].there == 9
    assert _spend_all(budget, waiting=False, now=NOON + 0.99)[1] == 4


def test_a_new_domain_is_asked_by_one_request() -> None:
    """Until the first answer nobody else may send; if it takes long, another asks each second."""
    budget = _charged(fresh_budget(ENTERPRISE, now=NOON))
    assert _denied(budget) == 0.05
    assert _charged(budget, now=NOON + 1)
    assert _spend_all(_told(ended(budget), remaining=49), waiting=True)[1] > 1


def test_after_a_failover_one_request_asks_first() -> None:
    """A budget that another server process wrote may be old: one request, and its answer corrects all."""
    budget = _charged(doubted(_full()))
    assert _denied(budget) == 0.05
    budget = _told(ended(budget), remaining=3)
    assert _spend_all(budget, waiting=False)[1] == 0


def test_a_plan_with_two_buckets_needs_both() -> None:
    """Each write takes from the global bucket and from the one of user writes; the emptier decides."""
    limit = limit_of((50, 16), (20, 200 / 60), reserve=0.2)
    budget, count = _spend_all(_full(limit), waiting=False, limit=limit)
    assert count == 12
    assert [level.share for level in budget.levels] == [28, 4]


def test_headers_correct_the_bucket_whose_size_they_name() -> None:
    """Auth0 shows one bucket; the other is left alone, and one of unknown size can only lower both."""
    limit = limit_of((50, 16), (20, 200 / 60), reserve=0.2)
    budget = _charged(_full(limit), limit=limit)
    named = _told(budget, plan=limit, remaining=12, limit=20)
    assert [level.there for level in named.levels] == [49, 12]
    unknown = _told(budget, plan=limit, remaining=30, limit=31)
    assert [level.there for level in unknown.levels] == [30, 19]


def test_a_changed_plan_starts_anew() -> None:
    """When the tenants file names other buckets, nothing is known of them; a pause stays."""
    limit = limit_of((50, 16), (20, 200 / 60), reserve=0.2)
    budget = paused(_full(), PauseReason.FORBIDDEN, headers=None, now=NOON)
    changed = fitting(budget, limit=limit, now=NOON)
    assert (len(changed.levels), changed.pause, changed.heard_at) == (2, budget.pause, None)
    assert fitting(budget, limit=ENTERPRISE, now=NOON) == budget


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
    budget = paused(_full(), PauseReason.RATE_LIMITED, headers=headers, now=NOON)
    assert budget.pause is not None
    assert budget.pause.until - NOON == pytest.approx(seconds)
    assert _denied(budget) >= seconds


def test_a_429_of_an_earlier_request_does_not_shorten_the_pause() -> None:
    """Of two pauses the longer holds."""
    budget = _full()
    for seconds in (60, 1):
        headers = RateHeaders(retry_after=seconds)
        budget = paused(budget, PauseReason.RATE_LIMITED, headers=headers, now=NOON)
    assert budget.pause is not None
    assert budget.pause.until == NOON + 60


def test_a_late_success_does_not_end_a_429() -> None:
    """A request that was sent before the 429 says nothing about now."""
    budget = paused(_full(), PauseReason.RATE_LIMITED, headers=RateHeaders(retry_after=9), now=NOON)
    assert accepted(budget, now=NOON + 1) == budget
    assert accepted(budget, now=NOON + 9).pause is None


def test_refused_credentials_are_probed_one_at_a_time() -> None:
    """After the pause one request may try, the others wait for it; each failure doubles the pause."""
    budget = paused(_full(), PauseReason.FORBIDDEN, headers=None, now=NOON)
    assert _denied(budget, now=NOON + 1) == 1
    probing = _charged(budget, now=NOON + 2)
    assert _denied(probing, now=NOON + 3) == 1
    again = paused(probing, PauseReason.FORBIDDEN, headers=None, now=NOON + 3)
    assert again.pause is not None
    assert again.pause.until == NOON + 3 + 4
    assert accepted(probing, now=NOON + 3).pause is None


def test_the_actions_write_is_reserved_until_it_may_have_happened() -> None:
    """On the free plan the second request of a waiting update stays there during the call and after it."""
    budget = _charged(_full(FREE), limit=FREE, waiting=True)
    assert _denied(budget, limit=FREE, waiting=False) > 0
    budget = followed(_told(budget, plan=FREE, limit=2, remaining=1), number=1, now=NOON)
    assert _denied(budget, limit=FREE, waiting=False, now=NOON + 0.5) > 0


def test_what_no_action_follows_is_given_back() -> None:
    """A waiting update that was not written leaves the second request to others, and its share too."""
    budget = not_followed(_charged(_full(), waiting=True), number=1)
    assert budget.promises == ()
    assert budget.levels[0].share == _full().levels[0].share - 1


def test_a_call_that_ends_nobodys_waiting_costs_one() -> None:
    """Of several kinds that one person waits for, the Action's write follows the last."""
    budget = charge(_full(), charge_of(waiting=True, is_followed=False), limit=ENTERPRISE, now=NOON)
    assert isinstance(budget, Budget)
    assert budget.levels[0].share == _full().levels[0].share - 1


def test_a_denied_person_is_next() -> None:
    """The background steps back for whoever was denied, whichever replica asks first, but for its tenth."""
    budget = wanted(_full(), Denied(seconds=0.5), now=NOON)
    hurried = replace(budget, levels=tuple(replace(level, owed=0.5) for level in budget.levels))
    assert _denied(hurried, waiting=False) == pytest.approx(0.6)
    _charged(budget, waiting=False)
    _charged(hurried, waiting=True)


def test_who_else_takes_from_the_limit_is_noticed() -> None:
    """A bucket that falls by what we send is ours alone; one that falls by more has others."""
    budget = _charged(_full(), now=NOON + 0.5)
    for remaining, shared in ((49, False), (40, True)):
        headers = replace(FULL, remaining=remaining)
        told = corrected(budget, headers, number=1, limit=ENTERPRISE, now=NOON + 0.6)
        assert is_shared(told, limit=ENTERPRISE) is shared
