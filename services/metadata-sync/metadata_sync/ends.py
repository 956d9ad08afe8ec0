"""What the end of a call means for the user and for the budget; pure."""

from datetime import datetime, timedelta

from metadata_sync.due import backoff
from metadata_sync.errors import (
    CredentialsError,
    EndNotSeenError,
    ManagementError,
    NotSentError,
    RateLimitedError,
    RefusedError,
    RootSyncedError,
)
from metadata_sync.limiter import (
    Budget,
    Limit,
    PauseReason,
    accepted,
    corrected,
    ended,
    followed,
    not_followed,
    paused,
)
from metadata_sync.management import Accepted
from metadata_sync.state import UserState

# A 200, or the named reason why there was none.
End = Accepted | ManagementError


def state_after(end: End, state: UserState, *, now: datetime, jitter: float) -> UserState:
    """The user's state when an attempt ended so; `jitter` from 0 to 1 spreads retries."""
    match end:
        case Accepted():
            return state.confirm(now=now)
        case RootSyncedError():
            return state.fall_back(now=now)
        case RefusedError():
            return state.park(end.reason, now=now)
        case EndNotSeenError():
            return state.lose(now=now).postpone(until=now + _pause(state, jitter), failed=True)
        case NotSentError():
            return state.postpone(until=now + _pause(state, jitter), failed=True)
        case _:
            # The tenant pauses; this write has done nothing wrong.
            return state.postpone(until=now, failed=False)


def budget_after(end: End, budget: Budget, *, number: int, limit: Limit, now: float) -> Budget:
    """The domain's budget when the call that was charged as `number` ended so."""
    budget = ended(budget, sent=end.sent)
    if isinstance(end, Accepted):
        budget = followed(budget, number=number, now=now)
    else:
        budget = not_followed(budget, number=number)
    if end.headers:
        budget = corrected(budget, end.headers, number=number, limit=limit, now=now)
    match end:
        case Accepted() | RefusedError():
            return accepted(budget, now=now)
        case RateLimitedError():
            return paused(budget, PauseReason.RATE_LIMITED, headers=end.headers, now=now)
        case CredentialsError(reason="forbidden"):
            return paused(budget, PauseReason.FORBIDDEN, headers=None, now=now)
        case CredentialsError():
            return paused(budget, PauseReason.UNAUTHORIZED, headers=None, now=now)
        case _:
            return budget


def _pause(state: UserState, jitter: float) -> timedelta:
    return backoff(state.failures + 1, jitter=jitter)
