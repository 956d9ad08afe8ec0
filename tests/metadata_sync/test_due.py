"""When changes become due."""

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from metadata_sync.due import Changes, Timing, backoff, together

_START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
_TIMING = Timing(quiet=timedelta(seconds=2), max_wait=timedelta(seconds=30))

_moments = st.lists(
    st.integers(0, 3_600_000).map(lambda ms: _START + timedelta(milliseconds=ms)), min_size=1
).map(sorted)


def _after(moments: list[datetime]) -> Changes:
    changes = None
    for moment in moments:
        changes = together(changes, Changes(first=moment, last=moment))
    assert changes is not None
    return changes


@given(_moments)
def test_changes_that_keep_coming_cannot_delay_for_ever(moments: list[datetime]) -> None:
    """However many changes follow, they are due at most `max_wait` after the first."""
    assert _after(moments).due(_TIMING) <= moments[0] + _TIMING.max_wait


@given(_moments)
def test_the_first_change_is_never_moved(moments: list[datetime]) -> None:
    """Due is min(last change + quiet, first change + max wait) of all that came."""
    expected = min(moments[-1] + _TIMING.quiet, moments[0] + _TIMING.max_wait)
    assert _after(moments).due(_TIMING) == expected


@given(_moments, st.randoms())
def test_the_order_of_arrival_does_not_matter(moments: list[datetime], random: Random) -> None:
    """The same changes are due at the same time, in whatever order they were noted."""
    shuffled = list(moments)
    random.shuffle(shuffled)
    assert _after(shuffled) == _after(moments)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_backoff_grows_and_stays_bounded(failures: int, jitter: float) -> None:
    """A retry waits between half and all of a doubling delay, a minute at most."""
    full = backoff(failures, jitter=0)
    assert full / 2 <= backoff(failures, jitter=jitter) <= full <= timedelta(minutes=1)


def test_backoff_doubles() -> None:
    """The first retries come after half a second, one, two and four."""
    assert [backoff(n, jitter=0).total_seconds() for n in (1, 2, 3, 4, 99)] == [0.5, 1, 2, 4, 60]
