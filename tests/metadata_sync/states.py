"""Short ways to write a user's state in a test."""

from datetime import UTC, datetime, timedelta

from metadata_sync.coalesce import Value, Wish
from metadata_sync.due import Timing
from metadata_sync.state import Request, Requester, UserState

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TIMING = Timing(quiet=timedelta(seconds=2), max_wait=timedelta(seconds=30))


def at(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def request(transaction_id: str = "tx-1", *, waiting: bool = False, **wishes: tuple[int, Value]) -> Request:
    """An update of keys to (rev, value)."""
    return Request(
        transaction_id=transaction_id,
        requester=Requester(
            traceparent="trace", waiting=waiting, keys={key: rev for key, (rev, _) in wishes.items()}
        ),
        desired={key: Wish(rev=rev, value=value) for key, (rev, value) in wishes.items()},
    )


def confirmed_at_noon() -> UserState:
    """A user whose key `a` was confirmed at rev 1 with status "passed", and answered."""
    state = UserState().accept(request(a=(1, {"status": "passed"})), now=NOON)
    state, _ = state.begin(now=NOON)
    state, _ = state.confirm(now=NOON).take_answers()
    return state
