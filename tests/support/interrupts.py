"""Ctrl-C and SIGTERM end a program in order, and never between a process's start and our note of it."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Shield:
    depth = 0
    interrupted = False
    wake: Callable[[], object] | None = None


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, the first of these signals raises KeyboardInterrupt; later ones wait for the end of it."""
    _Shield.interrupted = False
    before = {number: signal.signal(number, _interrupt) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def shielded() -> Iterator[None]:
    """Inside, an interrupt is put off until the block has ended."""
    _Shield.depth += 1
    pending = _Shield.interrupted
    try:
        yield
    finally:
        _Shield.depth -= 1
        if _Shield.interrupted and not pending and not _Shield.depth:
            raise KeyboardInterrupt from None


@contextmanager
def cancelled_by_interrupt() -> Iterator[None]:
    """Inside, in a shielded event loop, an interrupt cancels the current task: it can end in order."""
    task = asyncio.current_task()
    assert task is not None
    before = _Shield.wake
    _Shield.wake = partial(task.get_loop().call_soon_threadsafe, task.cancel)
    try:
        yield
    finally:
        _Shield.wake = before


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    first, _Shield.interrupted = not _Shield.interrupted, True
    if first and not _Shield.depth:
        raise KeyboardInterrupt
    if first and _Shield.wake:
        _Shield.wake()
