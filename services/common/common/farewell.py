"""How a process that others call takes its leave, so that nobody finds its door shut.

1. It is not ready any more: balancers that look at `/readyz` begin to send people elsewhere.
2. For some seconds it still serves whoever comes, and each answer ends its connection: who keeps connections
   open makes the next one with another replica.
3. Its listeners close, after what they have begun.

Only then does it stop to consume and to work, publish what is due, and close the rest (process.py).
"""

from contextlib import AsyncExitStack

from aiohttp import web

from common.clock import Clock
from common.health import Vitals
from common.settings import SettingsReader

DRAIN_SECONDS = 5.0
LONGEST_DRAIN_SECONDS = 60


class Farewell:
    """What happens between the signal to stop and the end of all loops; `doors` holds the listeners."""

    def __init__(self, *, vitals: Vitals, seconds: float, clock: Clock) -> None:
        self.doors = AsyncExitStack()
        self._vitals = vitals
        self._seconds = seconds
        self._clock = clock
        self._has_begun = False

    async def say(self) -> None:
        self._has_begun = True
        self._vitals.leave()
        await self._clock.sleep(self._seconds)
        await self.doors.aclose()

    async def end_connection(self, _request: web.Request, response: web.StreamResponse) -> None:
        """`on_response_prepare` of each listener."""
        if self._has_begun:
            response.force_close()
            response.headers["Connection"] = "close"  # the framework has made its headers by now


def read_drain_seconds(reader: SettingsReader) -> float:
    """`DRAIN_SECONDS`: at least as long as a balancer needs to notice; 0 where none is in front."""
    return reader.number("DRAIN_SECONDS", default=DRAIN_SECONDS, at_most=LONGEST_DRAIN_SECONDS)
