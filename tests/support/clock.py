import asyncio
from datetime import UTC, datetime, timedelta

_START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class FakeClock:
    """A `common.clock.Clock` that stands still until a test advances it."""

    def __init__(self, start: datetime = _START) -> None:
        self._start = start
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Return once the clock was advanced so far; at once for zero and less."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        due = asyncio.Event()
        sleeper = (self._elapsed + seconds, due)
        self._sleepers.append(sleeper)
        try:
            await due.wait()
        finally:
            self._sleepers.remove(sleeper)

    @property
    def sleeping(self) -> int:
        """How many tasks wait for this clock: a test waits for them before it advances."""
        return len(self._sleepers)

    def advance(self, seconds: float) -> None:
        """Move on and wake whoever is due."""
        self._elapsed += seconds
        for until, due in self._sleepers:
            if until <= self._elapsed:
                due.set()
