"""What loops of a service have in common: the pause between two looks, and a database that may be away."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from common.db import DatabaseUnavailableError

log = structlog.stdlib.get_logger()


async def pause(until: asyncio.Event, *, seconds: float) -> None:
    """Return when `until` is set, or after so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await until.wait()
    except TimeoutError:
        return


async def repeat(
    work: Callable[[], Awaitable[None]], stop: asyncio.Event, *, every: float, task: str
) -> None:
    """Do it now, and again after each pause of so many seconds, until `stop` is set.

    `task` is what the log calls it while the database is away.
    """
    while not stop.is_set():
        try:
            await work()
        except DatabaseUnavailableError:
            log.warning("database.unavailable", task=task)
        await pause(stop, seconds=every)
