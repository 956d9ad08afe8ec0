"""One token bucket of the tenant as far as we know it; pure, times in seconds since 1970 by the database.

Two numbers rule it. `share` is ours to spend: it grows evenly with our part of the rate, whatever the
tenant's refills look like, so that we never send in gusts. `there` is what the tenant's bucket holds: what a
response proved, less what we sent since, more only when a refill is certain to have happened.

Auth0 publishes two ways of refilling (Rate Limit Policy and its use cases differ): by the millisecond, or all
at once at the top of a second. Which one it is, and what others take, shows in how `remaining` moves between
two responses apart from what we sent: `drift`. It falls by what others take, unless it is refilled meanwhile.
"""

import math
from dataclasses import dataclass, replace

WINDOW_SECONDS = 1.0
KEPT_FOR_PEOPLE = 0.25
TWO_PEOPLE = 4.0
TWO_CALLS = 2
KEPT_FOR_BACKGROUND = 0.1
MOST_OWED = 2.0
# For so long back it counts what others took: who comes anew is noticed within a few windows.
DRIFT_SECONDS = 3.0
FIRST_WATCH_SECONDS = 0.2
# What others take is random: a Poisson stream stays below its mean and some deviations. Early in a window
# they are many, because what is not sent then can still be sent later, when more of it is known: of two
# policies that send as much, the one that sends late costs a neighbour less.
DEVIATIONS = 1.6
DEVIATIONS_A_WINDOW_AHEAD = 8.0
MOST_FOR_OTHERS = 0.8
TRAVEL_SECONDS = 0.02
# A bucket that rises by this part of its rate between two refills is refilled all the time.
RISES = 0.1
# And one that falls by this part of it is not ours alone.
FALLS = 0.05
SENT_UNPROVED = 0.1
PROOF_SECONDS = 0.02


@dataclass(frozen=True, kw_only=True)
class Rule:
    """The tenant's bucket: `burst` requests, `per_second` refilled, and `reserve` (0 to 1) of it not ours."""

    burst: float
    per_second: float
    reserve: float

    @property
    def our_burst(self) -> float:
        return self.burst * (1 - self.reserve)

    @property
    def kept_for_people(self) -> float:
        """A quarter of our burst, and on small plans what two people cost, or half."""
        return max(self.our_burst * KEPT_FOR_PEOPLE, min(TWO_PEOPLE, self.our_burst / 2))

    @property
    def left_to_people(self) -> int:
        """What the background leaves there beside promises: half of what is kept, where the plan has room.

        At least a person's write and the Action's.
        """
        return max(TWO_CALLS, math.floor(self.kept_for_people / 2)) if self.burst >= 2 * TWO_CALLS else 0

    @property
    def our_rate(self) -> float:
        return self.per_second * (1 - self.reserve)


@dataclass(frozen=True, kw_only=True)
class Level:
    """How full it is at `at`.

    `owed`: what people leave to the background. `refill_at`: when `there` certainly grows next. `window`: the
    `x-ratelimit-reset` for which a response has proved `there`, at `heard_at`. `size`: the bucket's size as
    the tenant says, where that is less than the rule's.
    """

    at: float
    share: float
    there: float
    refill_at: float
    owed: float = 0.0
    window: float | None = None
    heard_at: float | None = None
    drift: float = 0.0
    watched: float = FIRST_WATCH_SECONDS
    size: float | None = None
    unproven: int = 0


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a response proves: `remaining` of `limit`, before the `later` requests of ours.

    `reset` is by the tenant's clock, `reset_at` the same moment by ours.
    """

    limit: float | None
    remaining: float
    later: int
    reset: float | None
    reset_at: float | None


def unproven(rule: Rule, *, now: float) -> Level:
    """A bucket of which nothing is known: little of our share may be spent at once."""
    share = min(rule.kept_for_people + 1, rule.our_burst)
    return Level(at=now, share=share, there=rule.burst, refill_at=_next_window(now))


def flowed(level: Level, *, rule: Rule, now: float) -> Level:
    """The level at `now`; a clock that was set back adds nothing."""
    rule = _as_small(rule, level)
    elapsed = max(0.0, now - level.at)
    level = replace(
        level,
        at=now,
        share=min(rule.our_burst, level.share + elapsed * rule.our_rate),
        owed=min(MOST_OWED, level.owed + elapsed * rule.our_rate * KEPT_FOR_BACKGROUND),
    )
    if now < level.refill_at:
        return level
    windows = 1 + (now - level.refill_at) // WINDOW_SECONDS
    return replace(
        level,
        there=min(rule.burst, level.there + windows * rule.per_second * WINDOW_SECONDS),
        refill_at=level.refill_at + windows * WINDOW_SECONDS,
        window=None,
        unproven=0,
    )


def taken(level: Level, *, cost: int, waiting: bool) -> Level:
    """One request is sent now; what it costs beyond that follows later and from elsewhere."""
    owed = level.owed if waiting else max(0.0, level.owed - cost)
    return replace(
        level,
        share=level.share - cost,
        there=level.there - 1,
        owed=owed,
        unproven=level.unproven + (level.window is None),
    )


def seconds_until_enough(level: Level, *, rule: Rule, waiting: bool, reserved: int) -> float:
    """0 if a request may be sent now that leaves `reserved` others there for the Actions' writes."""
    rule = _as_small(rule, level)
    share = _until_shared(level, rule, waiting=waiting)
    return max(share, _until_there(level, rule, waiting=waiting, reserved=reserved))


def _until_shared(level: Level, rule: Rule, *, waiting: bool) -> float:
    # A plan may be smaller than what a write should find; then a full bucket is enough.
    kept = min(1.0, level.owed) if waiting else rule.kept_for_people
    needed = min(1 + kept, rule.our_burst)
    seconds = (needed - level.share) / rule.our_rate
    if not waiting:
        own = (1 - level.owed) / (rule.our_rate * KEPT_FOR_BACKGROUND)
        seconds = min(seconds, max(own, (min(1.0, rule.our_burst) - level.share) / rule.our_rate))
    return max(0.0, seconds)


def _until_there(level: Level, rule: Rule, *, waiting: bool, reserved: int) -> float:
    # A plan may be smaller than what should stay; then a full bucket is enough.
    kept = 0 if waiting else _left_to_people(level, rule)
    reserved = min(reserved + kept, math.ceil(rule.burst) - 1)
    left = reserved if waiting else max(reserved, _left_to_others(level, rule))
    lacking = 1 + left - level.there
    if lacking <= 0:
        return _until_proved(level, rule, waiting=waiting)
    refill = level.refill_at - level.at
    # While nobody sends, what others will need until the refill shrinks too.
    return refill if left == reserved else min(refill, max(lacking / _rate_of_others(level, rule), 0.01))


def _until_proved(level: Level, rule: Rule, *, waiting: bool) -> float:
    """After a refill that is only supposed, few requests go until a response has shown it."""
    few = max(1.0, rule.burst * (KEPT_FOR_PEOPLE if waiting else SENT_UNPROVED))
    return PROOF_SECONDS if level.window is None and level.unproven >= few else 0.0


def _left_to_people(level: Level, rule: Rule) -> int:
    """Room for people who come together; beside others, who leave little, for one and the Action's write."""
    return min(rule.left_to_people, TWO_CALLS) if is_shared(level, rule=rule) else rule.left_to_people


def _left_to_others(level: Level, rule: Rule) -> int:
    """Whole requests that stay there: the reserve, or more where others take more until the refill."""
    reserved = rule.burst * rule.reserve
    if level.drift > rule.per_second * RISES:
        return math.floor(reserved)
    seconds = level.refill_at - level.at
    beyond_a_refill = max(0.0, rule.burst - rule.per_second * WINDOW_SECONDS)
    reserved = min(reserved, rule.reserve * (rule.per_second * seconds + beyond_a_refill))
    measured = _expected_of_others(level, beyond_a_refill / rule.per_second)
    return math.floor(min(max(reserved, measured), rule.burst * MOST_FOR_OTHERS))


def _expected_of_others(level: Level, more_seconds: float) -> float:
    """What others took since the last response and will take until the refill, with room for its chance.

    The rest of a burst that is larger than a refill, `more_seconds` of the rate, evens out longer streaks.
    """
    rate = max(0.0, -level.drift)
    unseen = level.at - (level.at if level.heard_at is None else level.heard_at)
    ahead = level.refill_at - level.at
    early = (DEVIATIONS_A_WINDOW_AHEAD - DEVIATIONS) * min(1.0, ahead / WINDOW_SECONDS)
    deviation = math.sqrt(rate * (ahead + TRAVEL_SECONDS + more_seconds))
    return rate * (unseen + ahead + TRAVEL_SECONDS) + (DEVIATIONS + early) * deviation


def _rate_of_others(level: Level, rule: Rule) -> float:
    """How fast what others will need shrinks: by their rate, and as much again of the room for its chance."""
    return max(2 * -level.drift, rule.reserve * rule.per_second, 1.0)


def corrected(level: Level, told: Told, *, now: float) -> Level:
    """Believe the tenant, unless a response of a later window has come before."""
    if told.reset is not None and level.window is not None and told.reset < level.window:
        return level
    there = max(0.0, told.remaining - told.later)
    drift, watched = _drift(level, told, moved=there - level.there, now=now)
    return replace(
        level,
        there=there,
        drift=drift,
        watched=watched,
        refill_at=level.refill_at if told.reset_at is None else told.reset_at,
        window=told.reset,
        heard_at=now,
        size=told.limit,
        unproven=0,
    )


def lowered(level: Level, told: Told) -> Level:
    """Numbers of another bucket, perhaps: believe them where they say less."""
    return replace(heard(level), there=min(level.there, max(0.0, told.remaining - told.later)))


def taken_by_action(level: Level) -> Level:
    """An Action's write may have taken one, until a response or a refill shows how many are there."""
    return replace(level, there=max(0.0, level.there - 1))


def heard(level: Level) -> Level:
    """A response came that said nothing of the limit."""
    return replace(level, unproven=0)


def spent(level: Level) -> Level:
    """The tenant refused: nothing is there."""
    return replace(level, there=min(level.there, 0.0))


def _drift(level: Level, told: Told, *, moved: float, now: float) -> tuple[float, float]:
    """By how much the bucket moves a second between two refills, apart from ours, and how long we watched."""
    if level.heard_at is None or level.window is None or level.window != told.reset:
        return level.drift, level.watched
    elapsed = now - level.heard_at
    watched = min(level.watched + elapsed, DRIFT_SECONDS)
    drift = level.drift + (moved - level.drift * elapsed) / watched
    return drift, watched


def is_shared(level: Level, *, rule: Rule) -> bool:
    """Whether it falls by more than what we send, by more than chance."""
    return level.drift < -rule.per_second * FALLS


def _as_small(rule: Rule, level: Level) -> Rule:
    """A bucket that is smaller than its rule is refilled by no more than its size."""
    burst = rule.burst if level.size is None else min(rule.burst, max(1.0, level.size))
    return replace(rule, burst=burst, per_second=min(rule.per_second, burst))


def _next_window(now: float) -> float:
    return (now // WINDOW_SECONDS + 1) * WINDOW_SECONDS
