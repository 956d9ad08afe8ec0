"""The smallest service there is, run as a process by test_process.py: argv names what happens to it."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping

from common.db import DatabaseUnavailableError
from common.process import run, run_loops, stop_on_signals
from common.settings import SettingsReader
from common.tenants import TenantsFileError

What = Callable[[asyncio.Event], Awaitable[None]]


def read_settings(environ: Mapping[str, str]) -> str:
    reader = SettingsReader(environ)
    name = reader.text("NAME")
    reader.number("RATIO", default=1)
    reader.finish()
    return name


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def until_stopped(stop: asyncio.Event) -> None:
    say("serving")
    await stop.wait()
    say("drained")


async def fail_by_name(_stop: asyncio.Event) -> None:
    raise DatabaseUnavailableError("gone")


async def fail_by_bug(_stop: asyncio.Event) -> None:
    raise ZeroDivisionError


async def serve(name: str) -> None:
    stop = stop_on_signals()
    say(f"hello {name}")
    try:
        match sys.argv[1]:
            case "well":
                await run_loops(stop, until_stopped, until_stopped)
            case "named":
                await run_loops(stop, until_stopped, fail_by_name)
            case "bug":
                await run_loops(stop, until_stopped, fail_by_bug)
            case "nested":
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(run_loops(stop, until_stopped, fail_by_name))
            case "tenants":
                raise TenantsFileError(("tenants.yaml:3: one", "tenants.yaml:9: two"))
            case _:
                say("waiting")
                await asyncio.Event().wait()
    finally:
        say("closed")


if __name__ == "__main__":
    sys.exit(run(read_settings, serve, service="gateway"))
