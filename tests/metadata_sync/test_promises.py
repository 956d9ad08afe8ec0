"""What a charge leaves behind: promises to Actions, calls on the way, who comes next, what is told of it."""

from dataclasses import replace
from typing import Any

import pytest

from metadata_sync.bucket import Level
from metadata_sync.limiter import (
    Budget,
    Denied,
    Limit,
    Pause,
    PauseReason,
    Promise,
    accepted,
    charge,
    charge_of,
    corrected,
    ended,
    fitting,
    followed,
    fresh_budget,
    limit_of,
    not_followed,
    pause_at,
    paused,
    remaining,
    wanted,
)
from metadata_sync.rate_headers import RateHeaders

NOON = 1_795_348_800.0
PLAN = limit_of((50, 16), reserve=0.2)
# Room for four: what is there and ours is given by each test.
FOUR = limit_of((4, 4), reserve=0.0)
TWO_BUCKETS = limit_of((50, 16), (20, 4), reserve=0.2)


def level(**changes: Any) -> Level:
    plain = Level(
        at=NOON, share=30.0, there=40.0, refill_at=NOON + 1, owed=1.0, window=NOON + 1, heard_at=NOON
    )
    return replace(plain, **changes)


def budget(*levels: Level, **changes: Any) -> Budget:
    return replace(Budget(levels=levels or (level(),), heard_at=NOON, skew=0.0, charged=5), **changes)


def promises(*seconds: float) -> tuple[Promise, ...]:
    """Numbered from 1, each until so long after noon."""
    return tuple(Promise(number=number, until=NOON + each) for number, each in enumerate(seconds, 1))


def charged(before: Budget, *, waiting: bool, now: float = NOON, limit: Limit = PLAN) -> Budget:
    after = charge(before, charge_of(waiting=waiting), limit=limit, now=now)
    assert isinstance(after, Budget)
    return after


def denied(before: Budget, *, waiting: bool, now: float = NOON, limit: Limit = PLAN) -> float:
    after = charge(before, charge_of(waiting=waiting), limit=limit, now=now)
    assert isinstance(after, Denied)
    return after.seconds


def test_a_persons_call() -> None:
    """It has the next number, is on its way, promises the Action's write, and ends a person's being next."""
    before = budget(on_the_way=2, wanted_until=NOON + 9, promises=promises(3))
    assert charged(before, waiting=True) == replace(
        before,
        levels=(level(share=28.0, there=39.0),),
        on_the_way=3,
        charged=6,
        charged_at=NOON,
        wanted_until=0.0,
        promises=(*promises(3), Promise(number=6, until=NOON + 6)),
    )


def test_a_call_of_the_background() -> None:
    """It promises nothing, and whoever is next stays so."""
    before = budget(on_the_way=2, wanted_until=NOON + 9, promises=promises(3))
    assert charged(before, waiting=False) == replace(
        before,
        levels=(level(share=29.0, there=39.0, owed=0.0),),
        on_the_way=3,
        charged=6,
        charged_at=NOON,
    )


def test_as_many_promises_as_are_remembered() -> None:
    """The last sixty-four."""
    wide = limit_of((1000, 1000), reserve=0.0)
    before = budget(level(share=1000.0, there=1000.0), promises=promises(*[5.0] * 64))
    after = charged(before, waiting=True, limit=wide)
    assert [promise.number for promise in after.promises] == [*range(2, 65), 6]


def test_what_is_reserved_for_actions() -> None:
    """What was promised stays there, and the one that this call promises; the background leaves more."""
    waiting = budget(level(there=5.0), promises=promises(3, 3, 3))
    assert charged(waiting, waiting=True).levels[0].there == 4.0
    assert denied(budget(level(there=4.5), promises=promises(3, 3, 3)), waiting=True) == 1.0
    nobodys = limit_of((50, 16), reserve=0.0)
    three = budget(level(there=10.0), promises=promises(3, 3, 3))
    assert charged(three, waiting=False, limit=nobodys)
    assert denied(replace(three, levels=(level(there=9.9),)), waiting=False, limit=nobodys) > 0


@pytest.mark.parametrize(
    ("until", "seconds"),
    [
        ((5.0, 5.0), 0.0),
        ((0.5, 0.3, 0.7), 0.3),
        ((0.5, 0.3, 0.7, 0.4), 0.4),
        ((5.0, 5.0, 5.0), 0.9),
    ],
)
def test_more_promises_than_fit(until: tuple[float, ...], seconds: float) -> None:
    """On a small plan a person waits until enough Actions may have written, and asks again soon."""
    before = budget(level(share=50.0, there=50.0), promises=promises(*until))
    after = charge(before, charge_of(waiting=True), limit=FOUR, now=NOON)
    assert (after.seconds if isinstance(after, Denied) else 0.0) == pytest.approx(seconds)


def test_promises_are_nothing_to_the_background() -> None:
    """It costs one, for which a full bucket always has room."""
    before = budget(level(share=50.0, there=50.0), promises=promises(5, 5, 5, 5))
    assert charged(before, waiting=False, limit=FOUR)


def test_how_long_an_action_may_take() -> None:
    """Nine tenths of a second after our call was taken; longer as long as few calls have told."""
    before = budget(promises=(Promise(number=8, until=NOON), Promise(number=9, until=NOON)))
    assert followed(before, number=9, now=NOON + 2).promises == (
        Promise(number=8, until=NOON),
        Promise(number=9, until=NOON + 2.9),
    )
    assert followed(before, number=8, now=NOON + 2).promises[0].until - NOON == pytest.approx(3.2)
    assert followed(before, number=7, now=NOON) == before


def test_a_call_that_was_not_taken() -> None:
    """Its promise ends, and what it cost beyond itself is ours again; without a promise nothing is."""
    before = budget(promises=promises(3, 3, 3))
    after = not_followed(before, number=2)
    assert [promise.number for promise in after.promises] == [1, 3]
    assert after.levels == (level(share=31.0),)
    assert not_followed(before, number=7) == before


def test_an_action_that_is_late() -> None:
    """It may have written at its last moment: before a refill that came later, after one that came before."""
    full = budget(level(there=50.0), promises=promises(1.2, 0.5, 2.0))
    after = charged(full, waiting=True, now=NOON + 1.5)
    # 50, less one before the refill to 50, less one after it, less our own.
    assert after.levels[0].there == 48.0
    assert [promise.until - NOON for promise in after.promises] == [2.0, 7.5]
    at_once = charged(budget(promises=promises(0.5)), waiting=False, now=NOON + 0.5)
    assert (at_once.levels[0].there, at_once.promises) == (38.0, ())


def test_calls_that_ended() -> None:
    """One fewer is on its way; what was sent again beyond what was charged is taken as well."""
    before = budget(on_the_way=2)
    assert ended(before) == replace(before, on_the_way=1)
    assert ended(before, sent=0) == replace(before, on_the_way=1)
    assert ended(before, sent=3) == replace(before, on_the_way=1, levels=(level(share=28.0, there=38.0),))
    assert ended(budget()) == budget()


def test_who_is_next() -> None:
    """Whoever was denied, for as long as they were told to wait or a promise lasts, and a moment."""
    assert wanted(budget(), Denied(seconds=0.5), now=NOON).wanted_until - NOON == pytest.approx(0.6)
    assert wanted(budget(), Denied(seconds=5), now=NOON).wanted_until - NOON == pytest.approx(1.0)
    nothing_owed = budget(level(owed=0.0), wanted_until=NOON + 0.25)
    assert denied(nothing_owed, waiting=False) == pytest.approx(0.25)
    assert charged(nothing_owed, waiting=False, now=NOON + 0.25)
    one_of_two = budget(level(), level(owed=0.0), wanted_until=NOON + 0.25)
    assert denied(one_of_two, waiting=False, limit=TWO_BUCKETS) == pytest.approx(0.25)


def test_while_nothing_was_heard() -> None:
    """One call asks; the next waits a moment, or a second if no answer comes."""
    new = budget(heard_at=None, on_the_way=1, charged_at=NOON)
    assert denied(new, waiting=True, now=NOON + 0.999) == 0.05
    assert charged(new, waiting=True, now=NOON + 1)
    assert charged(replace(new, on_the_way=0), waiting=True)


def test_an_answer_without_numbers() -> None:
    """It shows that what was supposed is there, and what time it is at the tenant."""
    before = budget(level(unproven=4), level(unproven=3), heard_at=None, skew=None)
    headers = RateHeaders(limit=None, remaining=None, reset=None, date=NOON + 2)
    after = corrected(before, headers, number=5, limit=TWO_BUCKETS, now=NOON + 1)
    flowed = [(each.at, each.unproven) for each in after.levels]
    assert (after.heard_at, after.skew, flowed) == (NOON + 1, 1.0, [(NOON + 1, 0)] * 2)


def test_an_answer_to_an_earlier_call() -> None:
    """What was sent since is not there any more; a number from before a restore counts as the last."""
    headers = RateHeaders(limit=50, remaining=20, reset=None, date=None)
    found = corrected(budget(), headers, number=3, limit=PLAN, now=NOON)
    assert (found.levels[0].there, found.levels[0].refill_at) == (18.0, NOON + 1)
    assert corrected(budget(), headers, number=9, limit=PLAN, now=NOON).levels[0].there == 20.0


def test_answers_about_one_of_two_buckets() -> None:
    """The size tells which; the other one has been heard of as well."""
    before = budget(level(unproven=2), level(there=10.0, unproven=2))
    headers = RateHeaders(limit=20, remaining=7, reset=NOON + 4, date=NOON)
    first, second = corrected(before, headers, number=5, limit=TWO_BUCKETS, now=NOON + 0.5).levels
    assert (first.there, first.unproven, first.at) == (40.0, 0, NOON + 0.5)
    assert (second.there, second.window, second.unproven) == (7.0, NOON + 4, 0)
    first, second = corrected(
        before, replace(headers, limit=50), number=5, limit=TWO_BUCKETS, now=NOON
    ).levels
    assert (first.there, second.there) == (7.0, 10.0)
    same_size = limit_of((50, 16), (50, 4), reserve=0.2)
    headers = replace(headers, limit=50)
    lowered = corrected(before, headers, number=5, limit=same_size, now=NOON).levels
    assert [(each.there, each.unproven) for each in lowered] == [(7.0, 0), (7.0, 0)]


def test_the_clock_of_a_tenant() -> None:
    """The least late of its dates tells best, and is forgotten by a hundredth of a second each second."""

    def skew(before: Budget, date: float | None, *, now: float = NOON + 10) -> float | None:
        headers = RateHeaders(limit=50, remaining=9, reset=None, date=date)
        return corrected(before, headers, number=5, limit=PLAN, now=now).skew

    assert skew(budget(skew=3.0), None) == 3.0
    assert skew(budget(skew=None), NOON + 11.5) == 1.5
    assert skew(budget(skew=3.0, heard_at=None), NOON + 11.5) == 1.5
    assert skew(budget(skew=3.0), NOON + 11.5) == pytest.approx(2.9)
    assert skew(budget(skew=1.0), NOON + 11.5) == 1.5
    assert skew(budget(skew=3.0), NOON + 1.5, now=NOON - 5) == 6.5
    assert skew(budget(skew=3.0), NOON - 9, now=NOON - 5) == 3.0


def test_a_reset_by_another_clock() -> None:
    """It is moved to ours, and is never believed to be more than five minutes away."""
    headers = RateHeaders(limit=50, remaining=9, reset=NOON + 103, date=NOON + 100)
    after = corrected(budget(skew=None), headers, number=5, limit=PLAN, now=NOON)
    assert after.levels[0].refill_at == NOON + 3
    far = replace(headers, reset=NOON + 9_000, date=None)
    assert corrected(budget(), far, number=5, limit=PLAN, now=NOON).levels[0].refill_at == NOON + 300


def test_another_plan() -> None:
    """A budget for other buckets begins anew, and goes on counting."""
    pause = Pause(reason=PauseReason.FORBIDDEN, until=NOON + 2)
    changed = fitting(budget(pause=pause), limit=TWO_BUCKETS, now=NOON)
    assert changed == replace(fresh_budget(TWO_BUCKETS, now=NOON), pause=pause, charged=5)


def test_pauses_grow() -> None:
    """Credentials that stay refused are tried after 2, 4, 8 seconds, at last every five minutes."""
    found, waits = budget(), []
    for _ in range(12):
        found = paused(found, PauseReason.UNAUTHORIZED, headers=RateHeaders(retry_after=1), now=NOON)
        assert found.pause is not None
        waits.append(found.pause.until - NOON)
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300]
    assert found.pause is not None
    assert (found.pause.times, found.levels) == (12, budget().levels)
    other = paused(found, PauseReason.FORBIDDEN, headers=None, now=NOON)
    assert other.pause == Pause(reason=PauseReason.FORBIDDEN, until=NOON + 2, times=1)


def test_a_rate_limit_empties_the_bucket() -> None:
    """Nothing is there, whatever we thought; a second one pauses no longer than it says."""
    after = paused(budget(), PauseReason.RATE_LIMITED, headers=RateHeaders(retry_after=3), now=NOON)
    assert after.levels == (level(there=0.0),)
    again = paused(after, PauseReason.RATE_LIMITED, headers=None, now=NOON + 2)
    assert again.pause == Pause(reason=PauseReason.RATE_LIMITED, until=NOON + 4, times=1)


def test_what_can_be_sent_now() -> None:
    """As much as is ours and there, in the emptiest bucket, in whole requests, and never less than none."""
    assert remaining(budget(), limit=PLAN, now=NOON) == 30
    assert remaining(budget(), limit=PLAN, now=NOON + 0.1) == 31
    assert remaining(budget(level(there=7.9)), limit=PLAN, now=NOON) == 7
    assert remaining(budget(level(share=-3.0)), limit=PLAN, now=NOON) == 0
    assert remaining(budget(level(), level(share=5.0)), limit=TWO_BUCKETS, now=NOON) == 5


def test_why_nothing_is_sent() -> None:
    """A rate limit until its time, refused credentials until a probe succeeds."""
    limited = Pause(reason=PauseReason.RATE_LIMITED, until=NOON + 2)
    refused = Pause(reason=PauseReason.FORBIDDEN, until=NOON + 2)
    assert pause_at(budget(), now=NOON) is None
    assert pause_at(budget(pause=limited), now=NOON + 1) is PauseReason.RATE_LIMITED
    assert pause_at(budget(pause=limited), now=NOON + 2) is None
    assert pause_at(budget(pause=refused), now=NOON + 99) is PauseReason.FORBIDDEN
    assert accepted(budget(pause=refused), now=NOON).pause is None
    assert accepted(budget(), now=NOON) == budget()
