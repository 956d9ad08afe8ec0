"""The tenant's own bucket as Auth0 documents it, both ways of refilling, on a clock that the test turns."""

import math
from dataclasses import dataclass, field

from metadata_sync.rate_headers import RateHeaders


@dataclass(kw_only=True)
class SimulatedBucket:
    """`smooth`: refilled as time passes; otherwise all at once at the top of each second.

    `ahead`: by so many seconds the tenant's clock is ahead of ours.
    """

    burst: int
    per_second: float
    smooth: bool = False
    ahead: float = 0.0
    tokens: float = field(init=False)
    filled_at: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.tokens = self.burst

    def take(self, now: float) -> tuple[bool, RateHeaders]:
        """Whether a request at `now` is taken, and what its response tells."""
        now += self.ahead
        self._fill(now)
        taken = self.tokens >= 1
        self.tokens -= taken
        headers = RateHeaders(
            limit=self.burst, remaining=math.floor(self.tokens), reset=self._reset(now), date=now // 1
        )
        return taken, headers

    def _fill(self, now: float) -> None:
        since = now if self.filled_at is None else self.filled_at
        periods = now - since if self.smooth else now // 1 - since // 1
        self.tokens = min(self.burst, self.tokens + periods * self.per_second)
        self.filled_at = now

    def _reset(self, now: float) -> float:
        if not self.smooth:
            return now // 1 + 1
        return math.ceil(now + max(0.0, 1 - self.tokens % 1) / self.per_second)
