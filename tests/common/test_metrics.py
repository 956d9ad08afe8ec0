"""What Prometheus gets of any service, whatever that counts itself."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import aiohttp
import pytest
from prometheus_client import REGISTRY

from common import metrics
from common.health import serve_health
from common.metrics import Refresh, TenantLabels, watch_event_loop
from common.settings import Address
from tests.support.ports import free_port
from tests.support.waiting import wait_until


@asynccontextmanager
async def serving(address: Address, *, refresh: Refresh) -> AsyncIterator[None]:
    async with serve_health(address, service="gateway") as vitals:
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


def test_tenants_by_name_are_the_same_everywhere() -> None:
    """Of more tenants than are told by name, the first in the alphabet are, whatever order they come in."""
    labels = TenantLabels(most=2)
    labels.know(["citrus", "acme", "bank"])
    named = [labels.of(key) for key in ("acme", "bank", "citrus", "nobody")]
    assert named == ["acme", "bank", "other", "other"]


async def test_a_loop_that_is_held_up_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the event loop is counted, by how late it came."""
    monkeypatch.setattr(metrics, "LOOK_AT_LOOP_SECONDS", 0.001)
    seen = partial(REGISTRY.get_sample_value, "waystation_event_loop_lag_seconds_count")
    stop, before = asyncio.Event(), seen() or 0
    watching = asyncio.create_task(watch_event_loop(stop))
    await wait_until(lambda: (seen() or 0) > before)
    stop.set()
    await watching
