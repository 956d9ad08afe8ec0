"""How every service process begins and ends."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import structlog
import uvloop

from common.errors import WaystationError
from common.metrics import watch_event_loop
from common.setting_examples import with_example
from common.settings import SettingsError
from common.tenants import TenantsFileError

EXIT_OK, EXIT_FAILED, EXIT_MISCONFIGURED = 0, 1, 2
# How many new objects the garbage collector waits for; Python's own is 700. A message makes hundreds, hardly
# any of them in a cycle. `./dev bench metadata-sync --only cost` tells what it saves.
COLLECT_AFTER = 20_000

T = TypeVar("T")
Loop = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
Leave = Callable[[], Coroutine[Any, Any, None]]

log = structlog.stdlib.get_logger()


def run(
    read_settings: Callable[[Mapping[str, str]], T],
    serve: Callable[[T], Coroutine[Any, Any, None]],
    *,
    service: str,
) -> int:
    """Read the environment of `service`, serve until SIGTERM or SIGINT, return the exit status.

    0 after a clean stop; 2 when settings or tenants are wrong, every mistake on its own line of stderr; 1
    when a named error ended the service. An unnamed one is a bug and leaves its trace. SIGHUP ends nothing.
    """
    # It has a service look at its tenants file; one that is only starting looks as soon as it serves.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with _first_error_alone():
            settings = read_settings(os.environ)
            _collect_seldom()
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(serve(settings))
    except (SettingsError, TenantsFileError) as exc:
        sys.stderr.write("".join(f"{with_example(mistake, service=service)}\n" for mistake in exc.mistakes))
        return EXIT_MISCONFIGURED
    except WaystationError as exc:
        log.error("service.failed", error_type=type(exc).__name__)  # noqa: TRY400 - the name tells all
        sys.stderr.write(f"{type(exc).__name__}: {exc}\n")
        return EXIT_FAILED
    except asyncio.CancelledError:
        return EXIT_OK  # told to stop while it was still starting
    return EXIT_OK


def _collect_seldom() -> None:
    """What is there when a service begins stays as long as it does, and is not looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])


class Stop(asyncio.Event):
    """Set when the process shall end; what has not begun to serve by then is cancelled where it waits."""

    def __init__(self, starting: asyncio.Task[Any] | None) -> None:
        super().__init__()
        self._starting = starting

    def has_started(self) -> None:
        self._starting = None

    def set(self) -> None:
        super().set()
        if self._starting is not None:
            self._starting.cancel()


def stop_on_signals() -> Stop:
    """An event that SIGTERM and SIGINT set; called once, inside the running loop, by the task that starts."""
    stop = Stop(asyncio.current_task())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def run_loops(
    stop: asyncio.Event, *loops: Loop, first: Leave | None = None, last: Loop | None = None
) -> None:
    """Run each until it returns after `stop`; the first that raises stops the others and is raised.

    `first` is what has to be done after `stop` before the loops are told of it. `last` is told to stop when
    the others have ended, so that it can still carry off what they leave.
    """
    if isinstance(stop, Stop):
        stop.has_started()
    told, ended = asyncio.Event(), asyncio.Event()
    with _first_error_alone():
        async with asyncio.TaskGroup() as outer:
            if last is not None:
                outer.create_task(last(ended))
            async with asyncio.TaskGroup() as inner:
                inner.create_task(watch_event_loop(stop))
                for loop in loops:
                    inner.create_task(loop(told))
                await stop.wait()
                if first is not None:
                    await first()
                told.set()
            ended.set()


@contextmanager
def _first_error_alone() -> Iterator[None]:
    """Of a group of errors the first one is raised: it is the cause of what follows."""
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from group
