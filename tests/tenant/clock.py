import time
from datetime import UTC, datetime


class Clock:
    """Wall time that the control plane can move forward.

    Rate limits do not use it: their headers tell clients when to come back by the clock on the wall.
    """

    def __init__(self, *, starts_at: float | None = None) -> None:
        self._offset = 0.0 if starts_at is None else starts_at - time.time()

    @property
    def offset(self) -> float:
        """Seconds by which this clock is ahead."""
        return self._offset

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self._offset += seconds


def iso(timestamp: float) -> str:
    """ISO 8601 with milliseconds, as Auth0 writes it: `2026-11-22T01:02:03.004Z`."""
    moment = datetime.fromtimestamp(timestamp, tz=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
