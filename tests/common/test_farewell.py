"""How a process leaves: not ready, still there for a while, its door shut last."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from common.farewell import Farewell, read_drain_seconds
from common.health import Vitals
from common.settings import SettingsError, SettingsReader
from tests.support.clock import FakeClock
from tests.support.ports import free_port


class HeldClock(FakeClock):
    """Its sleeps last until somebody ends them."""

    def __init__(self) -> None:
        super().__init__()
        self.asleep = asyncio.Event()
        self.awake = asyncio.Event()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.asleep.set()
        await self.awake.wait()


@asynccontextmanager
async def served(farewell: Farewell) -> AsyncIterator[str]:
    """An address behind the door of this process."""

    async def hello(_request: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.add_routes([web.get("/", hello)])
    app.on_response_prepare.append(farewell.end_connection)
    runner, port = web.AppRunner(app), free_port()
    await runner.setup()
    async with farewell.doors as doors:
        doors.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{port}/"


async def test_who_comes_while_it_leaves_is_served() -> None:
    """It is not ready at once; each answer ends its connection; after the time the door is shut."""
    clock, vitals = HeldClock(), Vitals()
    farewell = Farewell(vitals=vitals, seconds=7, clock=clock)
    with vitals.serving({}):
        async with served(farewell) as url, aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
            async with session.get(url) as before:
                assert before.headers.get("Connection") is None
            saying = tasks.create_task(farewell.say())
            await clock.asleep.wait()
            assert await vitals.results() == {"stop": "failed"}
            async with session.get(url) as meanwhile:
                assert (meanwhile.status, meanwhile.headers["Connection"]) == (200, "close")
            clock.awake.set()
            await saying
            assert clock.slept == [7]
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.get(url)


@pytest.mark.parametrize(("environ", "seconds"), [({}, 5), ({"DRAIN_SECONDS": "0"}, 0)])
def test_how_long(environ: dict[str, str], seconds: float) -> None:
    """Five seconds, or what the operator says."""
    assert read_drain_seconds(SettingsReader(environ)) == seconds


def test_too_long() -> None:
    """A minute at most: whoever stops it does not wait longer either."""
    reader = SettingsReader({"DRAIN_SECONDS": "61"})
    read_drain_seconds(reader)
    with pytest.raises(SettingsError, match="DRAIN_SECONDS: must be a number from 0 to 60"):
        reader.finish()
