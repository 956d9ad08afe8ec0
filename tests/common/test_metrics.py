"""What Prometheus gets of any service, whatever that counts itself."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from common.health import serve_health
from common.metrics import Refresh
from common.settings import Address
from tests.support.ports import free_port


@asynccontextmanager
async def serving(address: Address, *, refresh: Refresh) -> AsyncIterator[None]:
    async with serve_health(address) as vitals:
        with vitals.serving({}, refresh=refresh):
            yield


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        (
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2",
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
        ),
        ("text/plain;version=x", "text/plain; version=0.0.4; charset=utf-8"),
    ],
)
async def test_a_scrape_tells_of_the_process(accept: str, content_type: str) -> None:
    """Memory, time and open files of the process come in the form that was asked for, or as plain text."""
    looked_up: list[str] = []

    async def refresh() -> None:
        looked_up.append("now")

    address = Address(host="127.0.0.1", port=free_port())
    async with (
        serving(address, refresh=refresh),
        aiohttp.ClientSession(headers={"Accept": accept}) as session,
        session.get(f"http://127.0.0.1:{address.port}/metrics") as response,
    ):
        text = await response.text()
        assert (response.status, response.headers["Content-Type"]) == (200, content_type)
    names = {"process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"}
    assert names <= set(re.findall(r"^(\w+)[ {]", text, flags=re.MULTILINE))
    assert looked_up == ["now"]
