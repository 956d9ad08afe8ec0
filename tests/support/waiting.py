"""Waiting for a condition instead of sleeping for a guess."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar, overload

from tests.support.errors import DeadlineError
from tests.support.interrupts import cancelled_by_interrupt, shielded

T = TypeVar("T")

_POLL_SECONDS = 0.02


@overload
async def wait_until(
    condition: Callable[[], Awaitable[T]], deadline: float = ..., *, what: str = ..., every: float = ...
) -> T: ...
@overload
async def wait_until(
    condition: Callable[[], T], deadline: float = ..., *, what: str = ..., every: float = ...
) -> T: ...
async def wait_until(
    condition: Callable[[], Any],
    deadline: float = 10.0,
    *,
    what: str = "the condition",
    every: float = _POLL_SECONDS,
) -> Any:
    """The first truthy value of `condition`, a plain or an async function, asked `every` so many seconds.

    Raises:
        DeadlineError: `deadline` seconds passed first; `what` completes "waited in vain for".
    """
    end = time.monotonic() + deadline
    while True:
        found = condition()
        value = await found if inspect.isawaitable(found) else found
        if value:
            return value
        if time.monotonic() >= end:
            raise DeadlineError(f"waited {deadline:g} s in vain for {what}")
        await asyncio.sleep(every)


def block_until(condition: Callable[[], T], deadline: float = 10.0, *, what: str = "the condition") -> T:
    """`wait_until` for code outside an event loop."""
    end = time.monotonic() + deadline
    while not (value := condition()):
        if time.monotonic() >= end:
            raise DeadlineError(f"waited {deadline:g} s in vain for {what}")
        time.sleep(_POLL_SECONDS)
    return value


def run_alone(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a loop of its own, and leave the thread's current loop as it is.

    Raises:
        KeyboardInterrupt: an interrupt cancelled it.
    """
    with shielded(), asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(_cancellable(work))


async def _cancellable(work: Coroutine[Any, Any, T]) -> T:
    with cancelled_by_interrupt():
        return await work
