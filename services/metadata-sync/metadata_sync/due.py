"""When a user's changes are written: after a quiet moment, but never later than the first may wait."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec import Struct

FIRST_BACKOFF = timedelta(milliseconds=500)
LONGEST_BACKOFF = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Timing:
    """A tenant's `quiet` and `max_wait`."""

    quiet: timedelta
    max_wait: timedelta


class Changes(Struct, frozen=True, kw_only=True):
    """When the first and the last change of those came that no attempt has carried yet."""

    first: datetime
    last: datetime

    def due(self, timing: Timing) -> datetime:
        return min(self.last + timing.quiet, self.first + timing.max_wait)


def together(*parts: Changes | None) -> Changes | None:
    """The span of all these; the first change is never moved."""
    spans = [part for part in parts if part]
    if not spans:
        return None
    return Changes(first=min(span.first for span in spans), last=max(span.last for span in spans))


def backoff(failures: int, *, jitter: float) -> timedelta:
    """How long to wait after so many failures in a row (1 or more); `jitter` from 0 to 1 takes up to half."""
    full = min(FIRST_BACKOFF * (1 << min(failures - 1, 10)), LONGEST_BACKOFF)
    return full * (1 - jitter / 2)


def some_jitter() -> float:
    return random.random()  # noqa: S311 - spreads retries; nothing secret
