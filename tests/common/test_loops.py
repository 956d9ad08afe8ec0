"""What loops have in common: they begin at once, outlive their database's absence and end when told."""

import asyncio

import pytest
from structlog.testing import capture_logs

from common.db import DatabaseUnavailableError
from common.loops import pause, repeat


async def test_it_begins_at_once_and_goes_on() -> None:
    """The first look waits for nothing, and a database that is away is told and asked again."""
    stop, looks = asyncio.Event(), 0

    async def look() -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise DatabaseUnavailableError("OSError")
        stop.set()

    with capture_logs() as logs:
        async with asyncio.timeout(15):
            await repeat(look, stop, every=0.01, task="example")
    assert looks == 2
    assert logs == [{"event": "database.unavailable", "log_level": "warning", "task": "example"}]


async def test_who_is_told_before_does_nothing() -> None:
    """A loop that was told to stop does not look even once."""
    stop = asyncio.Event()
    stop.set()

    async def look() -> None:
        raise AssertionError("nobody asked for it")

    await repeat(look, stop, every=60, task="example")


async def test_what_nobody_foresaw_ends_it() -> None:
    """Any other error is the caller's, who ends the process with it."""

    async def look() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await repeat(look, asyncio.Event(), every=60, task="example")


async def test_a_pause_ends_with_its_event() -> None:
    """However long it is."""
    until = asyncio.Event()
    async with asyncio.timeout(15):
        pausing = asyncio.create_task(pause(until, seconds=3600))
        until.set()
        await pausing
        await pause(asyncio.Event(), seconds=0.01)
