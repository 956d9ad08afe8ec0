"""What may be sent to one Management domain: all its buckets together, and the pauses it asked for; pure.

A request takes from every bucket of the plan (bucket.py). It is charged when it is sent; its response
corrects us at once, up as well as down. Of a domain that has told us nothing yet, or nothing since the
database that remembers it was started, one request at a time asks. Times are seconds since 1970 by the
database's clock.
"""

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from metadata_sync import bucket
from metadata_sync.bucket import WINDOW_SECONDS, Level, Rule, Told
from metadata_sync.rate_headers import RateHeaders

FIRST_PROBE_SECONDS = 2.0
LONGEST_PROBE_SECONDS = 300.0
LONGEST_PAUSE_SECONDS = 300.0
ASK_AGAIN_SECONDS = 0.05
# From our 200 to the Action's own write: the answer to the gateway, the browser's way back, the Action. A
# little less than a refill apart, so that on the smallest plan each refill serves one person; longer as long
# as few responses have told when the tenant refills.
PROMISE_SECONDS = 0.9
FIRST_PROMISE_SECONDS = 1.2
FIRST_CALLS = 8
# A call whose end nobody records keeps its promise as long as a lease (leases.py) and that.
LONGEST_PROMISE_SECONDS = 6.0
MOST_PROMISES = 64
# How long after what a denied person was told to wait for the background still steps back.
GRACE_SECONDS = 0.1
# The Date header has whole seconds: how late it is tells the clocks apart, and the least late tells best.
SKEW_FORGOTTEN_PER_SECOND = 0.01


@dataclass(frozen=True, kw_only=True)
class Limit:
    """The buckets that every write takes from, at least one."""

    rules: tuple[Rule, ...]


class PauseReason(StrEnum):
    """Why nothing is sent to a tenant; all but the rate end with a probe that succeeds."""

    RATE_LIMITED = "rate_limited"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, kw_only=True)
class Pause:
    """Nothing is sent before `until`; then one request at a time where `reason` asks for probes."""

    reason: PauseReason
    until: float
    times: int = 1


@dataclass(frozen=True, kw_only=True)
class Promise:
    """One request stays there for the Action's write that follows the call `number`, until it may be over."""

    number: int
    until: float


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What is known of a domain.

    `on_the_way` counts requests whose end is not recorded, `charged` numbers them all. `heard_at`: the last
    response. `skew`: by how much the tenant's clock is ahead of ours, at least.
    """

    levels: tuple[Level, ...]
    on_the_way: int = 0
    charged: int = 0
    charged_at: float = 0.0
    heard_at: float | None = None
    skew: float | None = None
    pause: Pause | None = None
    promises: tuple[Promise, ...] = ()
    wanted_until: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Charge:
    """What one call costs: two if it ends a person's waiting, for the Action's own write follows at once."""

    cost: int
    waiting: bool


@dataclass(frozen=True, kw_only=True)
class Denied:
    """Nothing may be sent for so many seconds."""

    seconds: float


def limit_of(*buckets: tuple[float, float], reserve: float) -> Limit:
    """The limit of a plan from the burst and the requests per second of each of its buckets.

    `reserve` of it, from 0 to 1, is the customer's.
    """
    return Limit(rules=tuple(Rule(burst=b, per_second=s, reserve=reserve) for b, s in buckets))


def charge_of(*, waiting: bool, is_followed: bool = True) -> Charge:
    """`is_followed`: an Action's write follows where somebody waits for this call and for no other."""
    return Charge(cost=2 if waiting and is_followed else 1, waiting=waiting)


def fresh_budget(limit: Limit, *, now: float) -> Budget:
    return Budget(levels=tuple(bucket.unproven(rule, now=now) for rule in limit.rules))


def fitting(budget: Budget, *, limit: Limit, now: float) -> Budget:
    """The budget, or a fresh one where the plan has other buckets now; a pause stays."""
    if len(budget.levels) == len(limit.rules):
        return budget
    return replace(fresh_budget(limit, now=now), pause=budget.pause, charged=budget.charged)


def doubted(budget: Budget) -> Budget:
    """The database was started since: what it says may be older than what was sent."""
    return replace(budget, heard_at=None)


def charge(budget: Budget, charge: Charge, *, limit: Limit, now: float) -> Budget | Denied:
    """Take what one write costs, or learn when to ask again."""
    budget = _without_late_promises(budget, limit, now=now)
    levels = _flowed(budget, limit, now=now)
    reserved = len(budget.promises) + charge.cost - 1
    seconds = max(
        bucket.seconds_until_enough(level, rule=rule, waiting=charge.waiting, reserved=reserved)
        for level, rule in zip(levels, limit.rules, strict=True)
    )
    seconds = max(
        seconds,
        _until_unpaused(budget, now=now),
        _until_asked(budget, now=now),
        _until_promises_fit(budget, charge, limit, now=now),
        _until_people_are_served(budget, charge, now=now),
    )
    if seconds > 0:
        return Denied(seconds=seconds)
    levels = tuple(bucket.taken(level, cost=charge.cost, waiting=charge.waiting) for level in levels)
    number = budget.charged + 1
    promise = Promise(number=number, until=now + LONGEST_PROMISE_SECONDS)
    return replace(
        budget,
        levels=levels,
        on_the_way=budget.on_the_way + 1,
        charged=number,
        charged_at=now,
        pause=_next_probe(budget.pause, now=now),
        wanted_until=0.0 if charge.waiting else budget.wanted_until,
        promises=(*budget.promises, promise)[-MOST_PROMISES:] if charge.cost > 1 else budget.promises,
    )


def wanted(budget: Budget, denied: Denied, *, now: float) -> Budget:
    """A person was denied: what comes next is theirs, whichever replica asks first."""
    return replace(budget, wanted_until=now + min(denied.seconds, PROMISE_SECONDS) + GRACE_SECONDS)


def followed(budget: Budget, *, number: int, now: float) -> Budget:
    """The call `number` was taken: if it ends somebody's waiting, the Action's write comes next."""
    seconds = PROMISE_SECONDS if number > FIRST_CALLS else FIRST_PROMISE_SECONDS
    promises = tuple(
        replace(one, until=now + seconds) if one.number == number else one for one in budget.promises
    )
    return replace(budget, promises=promises)


def not_followed(budget: Budget, *, number: int) -> Budget:
    """The call `number` was not taken: no Action writes after it."""
    promises = tuple(one for one in budget.promises if one.number != number)
    unused = len(budget.promises) - len(promises)
    levels = tuple(replace(level, share=level.share + unused) for level in budget.levels)
    return replace(budget, promises=promises, levels=levels)


def _without_late_promises(budget: Budget, limit: Limit, *, now: float) -> Budget:
    """An Action may have written as late as it could: after a refill that came before."""
    late = sorted((one for one in budget.promises if one.until <= now), key=lambda one: one.until)
    for one in late:
        levels = _flowed(budget, limit, now=one.until)
        budget = replace(budget, levels=tuple(map(bucket.taken_by_action, levels)))
    return replace(budget, promises=tuple(one for one in budget.promises if one.until > now))


def _until_people_are_served(budget: Budget, charge: Charge, *, now: float) -> float:
    """The background steps back for a person who was denied, but for the tenth that is its own."""
    is_owed = all(level.owed >= 1 for level in budget.levels)
    return 0.0 if charge.waiting or is_owed else max(0.0, budget.wanted_until - now)


def _until_promises_fit(budget: Budget, charge: Charge, limit: Limit, *, now: float) -> float:
    """On a small plan the Actions' writes that are expected and this one's would not fit into the bucket."""
    room = max(charge.cost, math.floor(min(rule.burst for rule in limit.rules)))
    too_many = len(budget.promises) + charge.cost - room
    if too_many <= 0 or charge.cost == 1:
        return 0.0
    until = sorted(one.until for one in budget.promises)[too_many - 1]
    # A call that is on its way may end at once: what then holds is not longer than that.
    return min(max(0.0, until - now), PROMISE_SECONDS)


def ended(budget: Budget, *, sent: int = 1) -> Budget:
    """A request that was charged is no longer on its way; `sent` counts those that really went out."""
    more = max(0, sent - 1)
    levels = tuple(
        replace(level, share=level.share - more, there=level.there - more) for level in budget.levels
    )
    return replace(budget, levels=levels, on_the_way=max(0, budget.on_the_way - 1))


def corrected(budget: Budget, headers: RateHeaders, *, number: int, limit: Limit, now: float) -> Budget:
    """Believe what the tenant answered to the request that was charged as `number`."""
    budget = replace(budget, heard_at=now, skew=_skew(budget, headers, now=now))
    levels = _flowed(budget, limit, now=now)
    if headers.remaining is None:
        return replace(budget, levels=tuple(map(bucket.heard, levels)))
    told = Told(
        limit=headers.limit,
        remaining=headers.remaining,
        later=max(0, budget.charged - number),
        reset=headers.reset,
        reset_at=None if headers.reset is None else _by_our_clock(headers.reset, budget, now=now),
    )
    meant = _meant(told, limit)
    if meant is None:
        return replace(budget, levels=tuple(bucket.lowered(level, told) for level in levels))
    others = tuple(map(bucket.heard, levels))
    right = bucket.corrected(levels[meant], told, now=now)
    return replace(budget, levels=(*others[:meant], right, *others[meant + 1 :]))


def paused(budget: Budget, reason: PauseReason, *, headers: RateHeaders | None, now: float) -> Budget:
    """Send nothing for a while: as long as the tenant says, or longer each time."""
    before = budget.pause if budget.pause and budget.pause.reason is reason else None
    limited = reason is PauseReason.RATE_LIMITED
    times = before.times + 1 if before and not limited else 1
    told = _told_to_wait(headers, budget, now=now) if headers and limited else None
    until = now + (_probe_seconds(times) if told is None else told)
    if before:
        until = max(until, before.until)
    levels = tuple(map(bucket.spent, budget.levels)) if limited else budget.levels
    return replace(budget, levels=levels, pause=Pause(reason=reason, until=until, times=times))


def accepted(budget: Budget, *, now: float) -> Budget:
    """The tenant took a write: what was probed works again."""
    if budget.pause and (budget.pause.reason is not PauseReason.RATE_LIMITED or budget.pause.until <= now):
        return replace(budget, pause=None)
    return budget


def remaining(budget: Budget, *, limit: Limit, now: float) -> int:
    """How many requests of our share the tenant would take now, as far as we know."""
    return max(0, math.floor(min(min(level.share, level.there) for level in _flowed(budget, limit, now=now))))


def is_shared(budget: Budget, *, limit: Limit) -> bool:
    """Whether others were seen to take from one of the buckets, too."""
    pairs = zip(budget.levels, limit.rules, strict=True)
    return any(bucket.is_shared(level, rule=rule) for level, rule in pairs)


def pause_at(budget: Budget, *, now: float) -> PauseReason | None:
    """Why nothing is sent at this time, except for probes."""
    if budget.pause and (budget.pause.reason is not PauseReason.RATE_LIMITED or now < budget.pause.until):
        return budget.pause.reason
    return None


def _flowed(budget: Budget, limit: Limit, *, now: float) -> tuple[Level, ...]:
    pairs = zip(budget.levels, limit.rules, strict=True)
    return tuple(bucket.flowed(level, rule=rule, now=now) for level, rule in pairs)


def _meant(told: Told, limit: Limit) -> int | None:
    """Whose numbers these are: Auth0 shows those of one bucket, known by its size among several."""
    if len(limit.rules) == 1:
        return 0
    same = [index for index, rule in enumerate(limit.rules) if rule.burst == told.limit]
    return same[0] if len(same) == 1 else None


def _until_unpaused(budget: Budget, *, now: float) -> float:
    return max(0.0, budget.pause.until - now) if budget.pause else 0.0


def _until_asked(budget: Budget, *, now: float) -> float:
    """While nothing was heard yet one request asks; if it takes long, another every second."""
    asking = budget.heard_at is None and budget.on_the_way and now - budget.charged_at < WINDOW_SECONDS
    return ASK_AGAIN_SECONDS if asking else 0.0


def _next_probe(pause: Pause | None, *, now: float) -> Pause | None:
    """Whoever may send first after a pause is the probe; the others wait for its result."""
    if pause is None or pause.reason is PauseReason.RATE_LIMITED:
        return None
    return replace(pause, until=now + _probe_seconds(pause.times))


def _probe_seconds(times: int) -> float:
    return min(FIRST_PROBE_SECONDS * 2.0 ** min(times - 1, 10), LONGEST_PROBE_SECONDS)


def _told_to_wait(headers: RateHeaders, budget: Budget, *, now: float) -> float | None:
    """Seconds; Retry-After before the reset, as Auth0's own clients do."""
    seconds = headers.retry_after
    if seconds is None and headers.reset is not None:
        seconds = _by_our_clock(headers.reset, budget, now=now) - now
    return None if seconds is None else min(max(seconds, WINDOW_SECONDS / 10), LONGEST_PAUSE_SECONDS)


def _skew(budget: Budget, headers: RateHeaders, *, now: float) -> float | None:
    if headers.date is None:
        return budget.skew
    seen = headers.date - now
    if budget.skew is None or budget.heard_at is None:
        return seen
    return max(seen, budget.skew - SKEW_FORGOTTEN_PER_SECOND * max(0.0, now - budget.heard_at))


def _by_our_clock(reset: float, budget: Budget, *, now: float) -> float:
    """The latest that the reset may be: a refill may not be counted on before."""
    return min(reset - (budget.skew or 0.0), now + LONGEST_PAUSE_SECONDS)
