import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from common.db import DatabaseUnavailableError
from common.process import run_loops
from tests.support.processes import base_environment
from tests.support.run_folder import ROOT


@asynccontextmanager
async def service(what: str, **environ: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.common.small_service", what),
        env=base_environment() | environ,
        cwd=ROOT,
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line_of(process: Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 10)).decode().strip()


async def outcome_of(process: Process) -> tuple[int | None, list[str], list[str]]:
    """Exit status and the lines of both streams that were not read before."""
    out, err = await asyncio.wait_for(process.communicate(), 10)
    return process.returncode, out.decode().splitlines(), err.decode().splitlines()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_clean_stop(number: signal.Signals) -> None:
    """SIGTERM and SIGINT let every loop drain and everything close, and the status is 0."""
    async with service("well", NAME="anna") as process:
        assert [await line_of(process) for _ in range(3)] == ["hello anna", "serving", "serving"]
        process.send_signal(number)
        assert await outcome_of(process) == (0, ["drained", "drained", "closed"], [])


async def test_a_stop_while_it_starts() -> None:
    """A process that still waits for a server at its start ends at once when told to, with status 0."""
    async with service("starting", NAME="anna") as process:
        assert [await line_of(process) for _ in range(2)] == ["hello anna", "waiting"]
        process.send_signal(signal.SIGTERM)
        assert await outcome_of(process) == (0, ["closed"], [])


async def test_a_hang_up_while_it_starts() -> None:
    """SIGHUP, by which operators have the tenants file read, ends nothing that still waits for a server."""
    async with service("starting", NAME="anna") as process:
        assert [await line_of(process) for _ in range(2)] == ["hello anna", "waiting"]
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        assert await outcome_of(process) == (0, ["closed"], [])


async def test_wrong_settings() -> None:
    """Every mistake of the environment stands on its own line of stderr, and the status is 2."""
    async with service("well", RATIO="canary-7f3a") as process:
        assert await outcome_of(process) == (
            2,
            [],
            ["NAME: is required", "RATIO: must be a number from 0 to 86400"],
        )


async def test_wrong_tenants() -> None:
    """Every mistake of the tenants file stands on its own line of stderr, and the status is 2."""
    async with service("tenants", NAME="anna") as process:
        assert await outcome_of(process) == (
            2,
            ["hello anna", "closed"],
            ["tenants.yaml:3: one", "tenants.yaml:9: two"],
        )


@pytest.mark.parametrize("what", ["named", "nested"])
async def test_a_named_error(what: str) -> None:
    """A named error that ends a loop at any depth ends the process by its name: status 1 and no trace."""
    async with service(what, NAME="anna") as process:
        status, out, err = await outcome_of(process)
    assert status == 1
    assert out[:2] == ["hello anna", "serving"]
    assert out[2] == "closed"
    assert "service.failed" in out[3]
    assert "DatabaseUnavailableError" in out[3]
    assert err == ["DatabaseUnavailableError: gone"]


async def test_a_bug() -> None:
    """An unnamed error ends the process with status 1 and its trace."""
    async with service("bug", NAME="anna") as process:
        status, _, err = await outcome_of(process)
    assert status == 1
    assert "ZeroDivisionError" in err
    assert any("fail_by_bug" in line for line in err)


async def test_one_loop_that_fails_stops_the_others() -> None:
    """The first error of a loop is raised as it is, after the other loops were cancelled."""
    cancelled = asyncio.Event()

    async def endless(_stop: asyncio.Event) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async def fail(_stop: asyncio.Event) -> None:
        raise DatabaseUnavailableError("gone")

    with pytest.raises(DatabaseUnavailableError, match=r"^gone$"):
        await run_loops(asyncio.Event(), endless, fail)
    assert cancelled.is_set()


async def test_loops_end_together() -> None:
    """Loops run side by side until the last has returned."""
    ended: list[str] = []

    async def quick(stop: asyncio.Event) -> None:
        await stop.wait()
        ended.append("quick")

    async def slow(stop: asyncio.Event) -> None:
        await stop.wait()
        for _ in range(5):
            await asyncio.sleep(0)
        ended.append("slow")

    stop = asyncio.Event()
    asyncio.get_running_loop().call_soon(stop.set)
    await run_loops(stop, slow, quick)
    assert ended == ["quick", "slow"]


async def test_what_comes_last() -> None:
    """The last loop is told to stop only when the others have ended: it carries off what they leave."""
    ended: list[str] = []

    async def worker(stop: asyncio.Event) -> None:
        await stop.wait()
        await asyncio.sleep(0)
        ended.append("worker")

    async def relay(stop: asyncio.Event) -> None:
        await stop.wait()
        ended.append("relay")

    stop = asyncio.Event()
    asyncio.get_running_loop().call_soon(stop.set)
    await run_loops(stop, worker, last=relay)
    assert ended == ["worker", "relay"]


async def test_what_comes_first() -> None:
    """Nobody is told to stop before the first thing is done, such as to send callers elsewhere."""
    ended: list[str] = []

    async def leave() -> None:
        await asyncio.sleep(0)
        ended.append("callers")

    async def worker(stop: asyncio.Event) -> None:
        await stop.wait()
        ended.append("worker")

    stop = asyncio.Event()
    asyncio.get_running_loop().call_soon(stop.set)
    await run_loops(stop, worker, first=leave)
    assert ended == ["callers", "worker"]
