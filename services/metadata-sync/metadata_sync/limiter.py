"""How many requests a Management API may be sent: bucket arithmetic on values, no clock, no database.

The tenant's bucket holds `burst` requests and is refilled in whole windows, by Auth0's own account once a
second (Rate Limit Policy and its use cases differ in detail). Ours holds the same less the reserve, which
stays for the customer's own code, and refills no sooner. What the tenant says in its headers only ever lowers
ours, at once, by all that is on its way too. Times are seconds since 1970 by the database's clock.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from metadata_sync.rate_headers import RateHeaders

WINDOW_SECONDS = 1.0
KEPT_FOR_PEOPLE = 0.25
FIRST_PROBE_SECONDS = 2.0
LONGEST_PROBE_SECONDS = 300.0
LONGEST_PAUSE_SECONDS = 300.0
TOLERATED_SKEW_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What we may use of a plan: `burst` requests at once and `per_second` refilled, the reserve taken off.

    `reserved` requests of the tenant's bucket are never ours.
    """

    burst: float
    per_second: float
    reserved: float


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
    """What may be sent to one Management domain: `tokens` now, more from `refill_at` on.

    `on_the_way` counts requests whose end is not recorded: the tenant may not have counted them yet.
    """

    tokens: float
    refill_at: float
    on_the_way: int = 0
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


def limit_of(*, burst: float, per_second: float, reserve: float) -> Limit:
    """Our share of a plan when `reserve` of it, from 0 to 1, is the customer's."""
    return Limit(burst=burst * (1 - reserve), per_second=per_second * (1 - reserve), reserved=burst * reserve)


def charge_of(*, waiting: bool) -> Charge:
    return Charge(cost=2 if waiting else 1, waiting=waiting)


def fresh_budget(limit: Limit, *, now: float) -> Budget:
    return Budget(tokens=limit.burst, refill_at=_next_window(now))


def charge(budget: Budget, charge: Charge, *, limit: Limit, now: float) -> Budget | Denied:
    """Take what one write costs, or learn when to ask again."""
    budget = _refilled(budget, limit=limit, now=now)
    if budget.pause and now < budget.pause.until:
        return Denied(seconds=budget.pause.until - now)
    kept = 0.0 if charge.waiting else limit.burst * KEPT_FOR_PEOPLE
    # A plan may be smaller than what a write should find; then a full bucket is enough.
    needed = min(charge.cost + kept, limit.burst)
    if budget.tokens < needed:
        windows = max(1.0, -(-(needed - budget.tokens) // (limit.per_second * WINDOW_SECONDS)))
        return Denied(seconds=budget.refill_at + (windows - 1) * WINDOW_SECONDS - now)
    return replace(
        budget,
        tokens=budget.tokens - charge.cost,
        on_the_way=budget.on_the_way + 1,
        pause=_next_probe(budget.pause, now=now),
    )


def ended(budget: Budget, *, sent: int = 1) -> Budget:
    """A request that was charged is no longer on its way; `sent` counts those that really went out."""
    return replace(budget, tokens=budget.tokens - max(0, sent - 1), on_the_way=max(0, budget.on_the_way - 1))


def corrected(budget: Budget, headers: RateHeaders, *, limit: Limit, now: float) -> Budget:
    """Believe the tenant where it says less than we thought; what it keeps for others is not ours."""
    if headers.remaining is None:
        return budget
    tokens = min(budget.tokens, headers.remaining - _reserved(headers, limit) - budget.on_the_way)
    spent = tokens < 1 and headers.reset is not None
    refill_at = max(budget.refill_at, _by_our_clock(headers, now=now)) if spent else budget.refill_at
    return replace(budget, tokens=tokens, refill_at=refill_at)


def paused(budget: Budget, reason: PauseReason, *, headers: RateHeaders | None, now: float) -> Budget:
    """Send nothing for a while: as long as the tenant says, or longer each time."""
    before = budget.pause if budget.pause and budget.pause.reason is reason else None
    times = before.times + 1 if before and reason is not PauseReason.RATE_LIMITED else 1
    told = _told_to_wait(headers, now=now) if headers and reason is PauseReason.RATE_LIMITED else None
    until = now + (_probe_seconds(times) if told is None else told)
    if before:
        until = max(until, before.until)
    return replace(
        budget, tokens=min(budget.tokens, 0.0), pause=Pause(reason=reason, until=until, times=times)
    )


def accepted(budget: Budget, *, now: float) -> Budget:
    """The tenant took a write: what was probed works again."""
    if budget.pause and (budget.pause.reason is not PauseReason.RATE_LIMITED or budget.pause.until <= now):
        return replace(budget, pause=None)
    return budget


def _reserved(headers: RateHeaders, limit: Limit) -> float:
    """What others keep, in proportion where the tenant's bucket is smaller than its profile says."""
    whole = limit.burst + limit.reserved
    return limit.reserved * min(1.0, (headers.limit or whole) / whole)


def _refilled(budget: Budget, *, limit: Limit, now: float) -> Budget:
    if now < budget.refill_at:
        return budget
    windows = 1 + (now - budget.refill_at) // WINDOW_SECONDS
    tokens = min(limit.burst, budget.tokens + windows * limit.per_second * WINDOW_SECONDS)
    return replace(budget, tokens=tokens, refill_at=budget.refill_at + windows * WINDOW_SECONDS)


def _next_window(now: float) -> float:
    return (now // WINDOW_SECONDS + 1) * WINDOW_SECONDS


def _next_probe(pause: Pause | None, *, now: float) -> Pause | None:
    """Whoever may send first after a pause is the probe; the others wait for its result."""
    if pause is None or pause.reason is PauseReason.RATE_LIMITED:
        return None
    return replace(pause, until=now + _probe_seconds(pause.times))


def _probe_seconds(times: int) -> float:
    return min(FIRST_PROBE_SECONDS * 2.0 ** min(times - 1, 10), LONGEST_PROBE_SECONDS)


def _told_to_wait(headers: RateHeaders, *, now: float) -> float | None:
    """Seconds; Retry-After before the reset, as Auth0's own clients do."""
    seconds = headers.retry_after
    if seconds is None and headers.reset is not None:
        seconds = _by_our_clock(headers, now=now) - now
    return None if seconds is None else min(max(seconds, WINDOW_SECONDS / 10), LONGEST_PAUSE_SECONDS)


def _by_our_clock(headers: RateHeaders, *, now: float) -> float:
    """The reset, moved by the difference of the clocks where that is more than travel and rounding."""
    reset = headers.reset or now
    skew = (headers.date or now) - now
    reset = reset - skew if abs(skew) > TOLERATED_SKEW_SECONDS else reset
    return min(reset, now + LONGEST_PAUSE_SECONDS)
