"""How much is too much: what each key may take at once, and in the long run."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

# About 15 MB. Who comes back after having been forgotten starts with a full bucket.
MOST_KEYS = 50_000
_HARDLY_ANY_TIME = 1e-6  # sums of fractions are not exact


@dataclass(frozen=True, kw_only=True)
class Rate:
    """`burst` at once; a bucket that was emptied is full again after `seconds`."""

    burst: int
    seconds: float


class Limit:
    """A token bucket for each key, kept as the time that it takes to be full again.

    Only what is not full is remembered, and of that the `most_keys` that came last.
    """

    def __init__(
        self, rate: Rate | None, *, monotonic: Callable[[], float], most_keys: int = MOST_KEYS
    ) -> None:
        self._rate = rate
        self._monotonic = monotonic
        self._most_keys = most_keys
        self._full_at: OrderedDict[bytes, float] = OrderedDict()

    def take(self, key: bytes) -> float:
        """Take one; 0 if it was there, else the seconds until it is, and nothing is taken."""
        if self._rate is None:
            return 0.0
        now = self._monotonic()
        lacking = self._lacking(key, now)
        too_much = lacking + self._rate.seconds / self._rate.burst - self._rate.seconds
        if too_much > _HARDLY_ANY_TIME:
            return too_much
        self._keep(key, lacking + self._rate.seconds / self._rate.burst, now)
        return 0.0

    def charge(self, key: bytes, *, cost: int) -> None:
        """Take more for what was taken before; many at once owe no more than one would."""
        if self._rate is None:
            return
        now = self._monotonic()
        extra = cost * self._rate.seconds / self._rate.burst
        self._keep(key, min(self._lacking(key, now), self._rate.seconds) + extra, now)

    def __len__(self) -> int:
        return len(self._full_at)

    def _lacking(self, key: bytes, now: float) -> float:
        return max(0.0, self._full_at.get(key, now) - now)

    def _keep(self, key: bytes, lacking: float, now: float) -> None:
        self._full_at[key] = now + lacking
        self._full_at.move_to_end(key)
        self._forget_full_ones(now)
        if len(self._full_at) > self._most_keys:
            self._full_at.popitem(last=False)

    def _forget_full_ones(self, now: float) -> None:
        """Two that came long ago for each that comes, so that no call takes long."""
        for _ in range(2):
            oldest = next(iter(self._full_at))
            if self._full_at[oldest] > now:
                return
            del self._full_at[oldest]
