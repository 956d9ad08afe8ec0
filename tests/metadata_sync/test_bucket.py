"""One bucket of a tenant, in numbers: a burst of 50, 16 a second, a fifth of it the customer's."""

from dataclasses import replace
from typing import Any

import pytest

from metadata_sync import bucket
from metadata_sync.bucket import Level, Rule, Told, seconds_until_enough

RULE = Rule(burst=50.0, per_second=16.0, reserve=0.2)
SMALL = Rule(burst=4.0, per_second=2.0, reserve=0.2)
TINY = Rule(burst=1.0, per_second=1.0, reserve=0.2)


def level(**changes: Any) -> Level:
    """At 100, refilled at 101, with a response of just now."""
    plain = Level(
        at=100.0, share=20.0, there=30.0, refill_at=101.0, owed=1.0, window=101.0, heard_at=100.0, watched=0.5
    )
    return replace(plain, **changes)


def until(found: Level, *, waiting: bool = True, reserved: int = 0, rule: Rule = RULE) -> float:
    return seconds_until_enough(found, rule=rule, waiting=waiting, reserved=reserved)


def stays(found: Level, *, rule: Rule = RULE, waiting: bool = False, reserved: int = 0) -> int:
    """How many the background, or a person, leaves there."""
    return next(
        there - 1
        for there in range(1, 60)
        if not until(replace(found, there=float(there)), waiting=waiting, reserved=reserved, rule=rule)
    )


def test_parts_of_a_plan() -> None:
    """Of the burst and the rate four fifths are ours; of that a quarter, or two people's cost, is kept."""
    assert (RULE.our_burst, RULE.our_rate, RULE.kept_for_people, RULE.left_to_people) == (40.0, 12.8, 10.0, 5)
    assert (SMALL.kept_for_people, SMALL.left_to_people) == (1.6, 2)
    assert replace(RULE, burst=10.0).kept_for_people == 4.0
    assert replace(SMALL, burst=3.9).left_to_people == 0


def test_a_bucket_of_which_nothing_is_known() -> None:
    """It is full, as far as anybody knows, and refilled at the next second; little of it is spent at once."""
    expected = Level(at=100.25, share=11.0, there=50.0, refill_at=101.0)
    assert bucket.unproven(RULE, now=100.25) == expected
    assert bucket.unproven(RULE, now=100.0) == replace(expected, at=100.0)
    assert bucket.unproven(TINY, now=100.0).share == 0.8


def test_half_a_second() -> None:
    """Our share grows evenly, and what is owed to the background by a tenth of it; nothing is there yet."""
    assert bucket.flowed(level(unproven=3), rule=RULE, now=100.5) == level(
        at=100.5, share=26.4, owed=pytest.approx(1.64), unproven=3
    )


def test_a_clock_that_was_set_back() -> None:
    """It adds nothing, and takes nothing."""
    assert bucket.flowed(level(), rule=RULE, now=99.0) == level(at=99.0)


def test_a_refill() -> None:
    """At the second that the tenant named a second's worth is there; a response has yet to prove it."""
    after = bucket.flowed(level(unproven=3), rule=RULE, now=101.0)
    assert after == level(at=101.0, share=32.8, owed=2.0, there=46.0, refill_at=102.0, window=None)
    later = bucket.flowed(level(there=0.0, share=0.0), rule=RULE, now=103.5)
    assert later == level(at=103.5, share=40.0, owed=2.0, there=48.0, refill_at=104.0, window=None)
    assert bucket.flowed(level(), rule=RULE, now=200.0).there == 50.0


def test_a_bucket_that_is_smaller_than_its_plan() -> None:
    """The tenant's own word counts, for the size and for what a second brings; less than one is one."""
    small = level(size=8.0, share=1.0, there=2.0)
    after = bucket.flowed(small, rule=RULE, now=101.0)
    assert after.share == pytest.approx(6.4)
    assert after.there == 8.0
    assert bucket.flowed(replace(small, size=80.0), rule=RULE, now=101.0).there == 18.0
    assert bucket.flowed(replace(small, size=0.0), rule=RULE, now=101.0).there == 1.0
    assert until(replace(small, there=1.0), waiting=False, reserved=60) == 1.0
    assert until(replace(small, there=8.0, share=3.0), reserved=60) == 0.0
    assert until(replace(small, there=8.0, share=0.5)) == pytest.approx(1.5 / 6.4)


def test_what_a_request_takes() -> None:
    """Its cost of our share, one of what is there; a background's also of what is owed to it."""
    assert bucket.taken(level(), cost=2, waiting=True) == level(share=18.0, there=29.0)
    assert bucket.taken(level(owed=1.5), cost=1, waiting=False) == level(share=19.0, there=29.0, owed=0.5)
    assert bucket.taken(level(owed=0.5), cost=1, waiting=False).owed == 0.0
    assert bucket.taken(level(window=None, unproven=4), cost=1, waiting=True).unproven == 5


def told(**changes: Any) -> Told:
    return replace(Told(limit=50.0, remaining=25.0, later=2, reset=101.0, reset_at=101.1), **changes)


def test_what_a_response_proves() -> None:
    """What remains, less what was sent since; when it is refilled; how others take."""
    after = bucket.corrected(level(unproven=3), told(), now=100.5)
    assert after == level(
        there=23.0, drift=-7.0, watched=1.0, refill_at=101.1, heard_at=100.5, size=50.0, unproven=0
    )
    again = bucket.corrected(level(drift=-4.0), told(), now=100.5)
    assert again.drift == pytest.approx(-9.0)
    assert bucket.corrected(level(watched=1.5), told(), now=100.5).drift == pytest.approx(-3.5)
    assert bucket.corrected(level(watched=2.8), told(), now=100.5).watched == 3.0
    assert bucket.corrected(level(), told(remaining=1.0), now=100.5).there == 0.0


@pytest.mark.parametrize(
    "before", [level(window=100.0), level(window=None), level(heard_at=None), level(window=100.5)]
)
def test_a_response_that_shows_no_drift(before: Level) -> None:
    """Without another response of the same second nobody knows what others took."""
    after = bucket.corrected(replace(before, drift=-3.0), told(), now=100.5)
    assert (after.there, after.drift, after.watched, after.window) == (23.0, -3.0, 0.5, 101.0)


def test_responses_that_overtake_each_other() -> None:
    """One of an earlier second changes nothing; one that names no second counts."""
    assert bucket.corrected(level(), told(reset=100.0), now=100.5) == level()
    after = bucket.corrected(level(), told(reset=None, reset_at=None), now=100.5)
    assert (after.there, after.refill_at, after.window) == (23.0, 101.0, None)


def test_other_words_of_a_tenant() -> None:
    """A refusal empties it, another bucket's numbers only lower it, an Action may have taken one."""
    found = level(unproven=3)
    assert bucket.heard(found) == level()
    assert bucket.spent(found) == replace(found, there=0.0)
    assert bucket.spent(replace(found, there=-2.0)).there == -2.0
    assert bucket.taken_by_action(found).there == 29.0
    assert bucket.taken_by_action(replace(found, there=0.5)).there == 0.0
    assert bucket.lowered(found, told()) == level(there=23.0)
    assert bucket.lowered(found, told(remaining=40.0)).there == 30.0
    assert bucket.lowered(found, told(remaining=1.0)).there == 0.0


@pytest.mark.parametrize(
    ("share", "owed", "seconds"),
    [(2.0, 1.5, 0.0), (1.0, 1.5, 1 / 12.8), (1.0, 0.25, 0.25 / 12.8), (1.0, 0.0, 0.0), (0.0, 0.0, 1 / 12.8)],
)
def test_when_a_person_may(share: float, owed: float, seconds: float) -> None:
    """As soon as one is ours beside what is owed to the background, of which one is enough."""
    assert until(level(share=share, owed=owed)) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("share", "owed", "seconds"),
    [
        (11.0, 0.0, 0.0),
        (5.0, 0.0, 6 / 12.8),
        (5.0, 0.5, 0.5 / 1.28),
        (5.0, 1.0, 0.0),
        (0.2, 0.99, 0.8 / 12.8),
        (0.2, 1.5, 0.8 / 12.8),
    ],
)
def test_when_the_background_may(share: float, owed: float, seconds: float) -> None:
    """When as much is ours as is kept for people, or earlier by the tenth that is its own."""
    assert until(level(share=share, owed=owed), waiting=False) == pytest.approx(seconds)


def test_plans_smaller_than_what_should_be_found() -> None:
    """Then a full bucket is enough, for everybody."""
    full = level(share=0.8, there=1.0)
    assert until(full, rule=TINY) == 0.0
    assert until(full, rule=TINY, waiting=False) == 0.0
    assert until(replace(full, share=0.4), rule=TINY) == pytest.approx(0.5)
    assert until(replace(full, share=0.4), rule=TINY, waiting=False) == pytest.approx(0.5)


def test_what_people_leave_there() -> None:
    """What is reserved for the Actions' writes that are expected, as far as the plan has room."""
    assert [stays(level(), waiting=True, reserved=reserved) for reserved in (0, 3, 49, 60)] == [0, 3, 49, 49]
    assert until(level(there=3.5), reserved=3) == 1.0
    assert until(level(there=3.5, at=100.4), reserved=3) == pytest.approx(0.6)


def test_what_the_background_leaves_there() -> None:
    """Room for people who come together, beside what is reserved; or the customer's part, which shrinks."""
    assert [stays(level(at=at)) for at in (100.0, 100.5, 100.9)] == [10, 8, 7]
    assert stays(level(), reserved=12) == 17
    assert [stays(level(drift=drift, at=100.99), reserved=12) for drift in (-0.8, -0.9)] == [17, 14]
    assert stays(level(there=4.0), rule=replace(SMALL, reserve=0.0)) == 2
    assert stays(level(at=100.9), rule=Rule(burst=2.0, per_second=2.0, reserve=0.9)) == 0
    assert stays(level(), rule=replace(RULE, reserve=0.0, burst=3.0)) == 0


def test_what_others_take() -> None:
    """What they took lately they will take until the refill, and deviations more, many while it is far."""
    assert stays(level(drift=-4.0)) == 32
    assert stays(level(drift=-4.0, heard_at=99.5)) == 34
    assert stays(level(drift=-4.0, heard_at=None)) == 32
    assert stays(level(drift=-10.0, at=100.5, heard_at=100.5)) == 29
    assert stays(level(drift=-2.0, at=100.9, heard_at=100.9)) == 7
    assert stays(level(drift=-30.0)) == 40
    assert stays(level(drift=-2.0, refill_at=102.0)) == 27
    full = replace(RULE, per_second=50.0)
    assert stays(level(drift=-25.0, at=100.5, heard_at=100.5), rule=full) == 30
    assert stays(level(drift=-25.0, at=100.9, heard_at=100.9), rule=full) == 6


def test_others_are_seen() -> None:
    """A bucket that falls by more than a twentieth of its rate is not ours alone."""
    seen = [bucket.is_shared(level(drift=drift), rule=RULE) for drift in (0.5, -0.8, -0.81)]
    assert seen == [False, False, True]
    assert not bucket.is_shared(level(drift=-1.0), rule=replace(RULE, per_second=20.0))


def test_a_bucket_that_is_refilled_all_the_time() -> None:
    """Where it rises between refills the customer's part stays whole, and no more than that."""
    assert stays(level(at=100.9, drift=1.7)) == 10
    assert stays(level(at=100.9, drift=1.6)) == 7


def test_when_enough_will_be_there() -> None:
    """Until the refill, or until others need less, whichever is first; never sooner than a moment."""
    assert until(level(there=10.5), waiting=False) == pytest.approx(0.5 / 3.2)
    assert until(level(there=10.999), waiting=False) == 0.01
    assert until(level(there=1.0), waiting=False) == 1.0
    assert until(level(there=32.0, drift=-4.0), waiting=False) == pytest.approx(1 / 8)
    assert until(level(there=25.5), rule=replace(RULE, reserve=0.04, burst=200.0), waiting=False) == 0.0
    assert until(level(there=6.5), waiting=False, rule=replace(RULE, reserve=0.0)) == 1.0


@pytest.mark.parametrize(
    ("waiting", "unproven", "seconds"), [(True, 12, 0.0), (True, 13, 0.02), (False, 4, 0.0), (False, 5, 0.02)]
)
def test_a_refill_that_is_only_supposed(waiting: bool, unproven: int, seconds: float) -> None:  # noqa: FBT001
    """Few go until a response has shown it: a quarter of the burst for people, a tenth for the background."""
    supposed = level(window=None, unproven=unproven, there=50.0)
    assert until(supposed, waiting=waiting) == seconds
    assert until(replace(supposed, window=101.0), waiting=waiting) == 0.0


def test_few_are_at_least_one() -> None:
    """On a plan whose tenth is less than one, one goes, and then its response is waited for."""
    supposed = level(window=None, there=4.0, share=3.2, unproven=0)
    assert [until(supposed, waiting=waiting, rule=SMALL) for waiting in (True, False)] == [0.0, 0.0]
    supposed = replace(supposed, unproven=1)
    assert [until(supposed, waiting=waiting, rule=SMALL) for waiting in (True, False)] == [0.02, 0.02]
