import asyncio
import math

from common.clock import Clock


class Alarm:
    """When somebody must look next: whoever learns of an earlier moment moves it nearer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at = math.inf
        self._moved = asyncio.Event()

    def expect(self, seconds: float | None) -> None:
        """Something is due in so many seconds; None says nothing."""
        if seconds is not None and self._clock.monotonic() + seconds < self._at:
            self._at = self._clock.monotonic() + seconds
            self._moved.set()

    def forget(self) -> None:
        """Somebody looks now."""
        self._at = math.inf

    async def wait(self) -> None:
        """Return at the expected moment."""
        while (left := self._at - self._clock.monotonic()) > 0:
            self._moved.clear()
            try:
                async with asyncio.timeout(left):
                    await self._moved.wait()
            except TimeoutError:
                continue
