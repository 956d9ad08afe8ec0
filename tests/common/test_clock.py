import asyncio
from datetime import UTC, datetime, timedelta

from common.clock import SystemClock


def test_now_is_utc() -> None:
    """The wall clock is aware, in UTC, and the machine's."""
    now = SystemClock().now()
    assert now.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - now) < timedelta(seconds=5)


async def test_sleep_takes_its_time() -> None:
    """Sleeping takes as long as the monotonic clock says, and never less."""
    clock = SystemClock()
    begun = clock.monotonic()
    async with asyncio.timeout(5):
        await clock.sleep(0.02)
    assert clock.monotonic() - begun >= 0.02
