"""What each end of a call means for user and budget."""

import pytest

from metadata_sync.bucket import Level
from metadata_sync.ends import End, budget_after, state_after
from metadata_sync.errors import (
    CredentialsError,
    EndNotSeenError,
    NotSentError,
    RateLimitedError,
    RefusedError,
)
from metadata_sync.limiter import Budget, PauseReason, limit_of
from metadata_sync.management import Accepted
from metadata_sync.rate_headers import RateHeaders
from metadata_sync.state import UserState
from tests.metadata_sync.states import NOON, TIMING, at, request

LIMIT = limit_of((50, 16), reserve=0.2)
NOW = NOON.timestamp()
ACCEPTED = Accepted(sent=1, headers=RateHeaders(limit=50, remaining=49))


def _under_way() -> UserState:
    state, _ = UserState().accept(request(a=(1, {})), now=NOON).begin(now=at(2))
    return state


def _after(end: End) -> UserState:
    return state_after(end, _under_way(), now=at(3), jitter=0)


def _budget_after(end: End) -> Budget:
    level = Level(at=NOW, share=30, there=40, refill_at=NOW + 9)
    budget = Budget(levels=(level,), on_the_way=1, charged=7)
    return budget_after(end, budget, number=7, limit=LIMIT, now=NOW)


def test_a_200_confirms() -> None:
    """The keys are confirmed, and nothing is due."""
    assert _after(ACCEPTED).confirmed["a"].rev == 1
    assert _after(ACCEPTED).due_at(TIMING) is None
    budget = _budget_after(ACCEPTED)
    assert (budget.on_the_way, budget.heard_at, budget.levels[0].there) == (0, NOW, 49)


def test_a_renewed_token_costs_one_more() -> None:
    """Two requests were sent where one was charged."""
    twice = Accepted(sent=2, headers=RateHeaders())
    (level,) = _budget_after(twice).levels
    assert (level.share, level.there) == (29, 39)


def test_a_refusal_parks() -> None:
    """The write is parked with the reason, and nothing is due."""
    state = _after(RefusedError("user_not_found", sent=1))
    assert state.parked["a"].reason == "user_not_found"
    assert state.due_at(TIMING) is None


def test_an_end_that_was_not_seen_is_repeated_and_settled() -> None:
    """A failure is counted, the retry is due after the backoff, and the key is unsettled for 60 s."""
    state = _after(EndNotSeenError("no_answer", sent=1))
    assert (state.failures, state.due_at(TIMING), state.unsettled) == (1, at(3.5), {"a": at(63)})


def test_what_was_not_sent_is_repeated_only() -> None:
    """A failure is counted, and nothing is unsettled."""
    state = _after(NotSentError("unreachable"))
    assert (state.failures, state.due_at(TIMING), state.unsettled) == (1, at(3.5), {})


@pytest.mark.parametrize(
    ("end", "reason", "seconds"),
    [
        (RateLimitedError("x", sent=1, headers=RateHeaders(retry_after=7)), PauseReason.RATE_LIMITED, 7),
        (CredentialsError("unauthorized", sent=2), PauseReason.UNAUTHORIZED, 2),
        (CredentialsError("token_refused"), PauseReason.UNAUTHORIZED, 2),
        (CredentialsError("forbidden", sent=1), PauseReason.FORBIDDEN, 2),
    ],
)
def test_what_is_the_tenants_matter_pauses_the_tenant(end: End, reason: PauseReason, seconds: float) -> None:
    """The write stays due and counts no failure; the tenant pauses."""
    state = _after(end)
    assert (state.failures, state.due_at(TIMING), state.unsettled) == (0, at(3), {})
    pause = _budget_after(end).pause
    assert pause is not None
    assert (pause.reason, pause.until) == (reason, NOW + seconds)
