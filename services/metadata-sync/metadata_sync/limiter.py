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


@dataclass(frozen=True, kw_only=True)
class Charge:
    """What one write costs: a waiting one two, for the Action's own write follows it at once."""

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


def charge_of(*, waiting: bool) -> Charge:
    return Charge(cost=2 if waiting else 1, waiting=waiting)


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
    levels = _flowed(budget, limit, now=now)
    seconds = max(
        bucket.seconds_until_enough(level, rule=rule, waiting=charge.waiting)
        for level, rule in zip(levels, limit.rules, strict=True)
    )
    seconds = max(seconds, _until_unpaused(budget, now=now), _until_asked(budget, now=now))
    if seconds > 0:
        return Denied(seconds=seconds)
    levels = tuple(bucket.taken(level, cost=charge.cost, waiting=charge.waiting) for level in levels)
    return replace(
        budget,
        levels=levels,
        on_the_way=budget.on_the_way + 1,
        charged=budget.charged + 1,
        charged_at=now,
        pause=_next_probe(budget.pause, now=now),
    )


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
