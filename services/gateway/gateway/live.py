import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.metrics import WAITING_BROWSERS


class Bell:
    """Wakes whoever waits in this process for a login to change.

    Only a hint: the change may happen in another replica, so a waiter looks at the database now and then.
    """

    def __init__(self) -> None:
        self._waiters: dict[str, set[asyncio.Event]] = {}
        self.is_closed = False

    def ring(self, transaction_id: str) -> None:
        for waiter in self._waiters.get(transaction_id, ()):
            waiter.set()

    def close(self) -> None:
        """The process stops: send every waiter home, to ask another replica."""
        self.is_closed = True
        for transaction_id in self._waiters:
            self.ring(transaction_id)

    @contextmanager
    def listening(self, transaction_id: str) -> Iterator[asyncio.Event]:
        """An event that is set at every ring; listen first, then look, so that no change is missed."""
        waiter = asyncio.Event()
        waiters = self._waiters.setdefault(transaction_id, set())
        waiters.add(waiter)
        try:
            with WAITING_BROWSERS.track_inprogress():
                yield waiter
        finally:
            waiters.discard(waiter)
            if not waiters:
                self._waiters.pop(transaction_id, None)


async def rung(waiter: asyncio.Event, *, seconds: float) -> bool:
    """Wait for a ring; False if none came in time."""
    try:
        async with asyncio.timeout(seconds):
            await waiter.wait()
    except TimeoutError:
        return False
    waiter.clear()
    return True
