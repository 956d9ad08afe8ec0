import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from common.health import Check, Health, passing, serve_health, worst
from common.settings import Address
from tests.support.ports import free_port

OK, DEGRADED, FAILED = Health.OK, Health.DEGRADED, Health.FAILED


def always(health: Health) -> Check:
    async def check() -> Health:
        return health

    return check


@asynccontextmanager
async def served(checks: Mapping[str, Check]) -> AsyncIterator[str]:
    port = free_port()
    async with serve_health(Address(host="127.0.0.1", port=port), service="gateway") as vitals:
        with vitals.serving(checks):
            yield f"http://127.0.0.1:{port}"


async def test_before_and_after() -> None:
    """A service that waits for what it needs, or stops, is alive and not ready."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    not_ready = (503, {"service": "gateway", "status": "failed", "checks": {"start": "failed"}})
    async with serve_health(Address(host="127.0.0.1", port=port), service="gateway") as vitals:
        assert await ask(f"{url}/readyz") == not_ready
        assert await ask(f"{url}/healthz") == (200, {"status": "ok"})
        with vitals.serving({"database": always(OK)}):
            well = {"service": "gateway", "status": "ok", "checks": {"database": "ok"}}
            assert await ask(f"{url}/readyz") == (200, well)
        assert await ask(f"{url}/readyz") == not_ready


async def ask(url: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.json()


@pytest.mark.parametrize(
    ("results", "status", "verdict"),
    [
        ({}, 200, "ok"),
        ({"database": OK, "queue": OK}, 200, "ok"),
        ({"database": OK, "broker": DEGRADED}, 200, "degraded"),
        ({"database": FAILED, "broker": DEGRADED}, 503, "failed"),
        ({"database": FAILED}, 503, "failed"),
    ],
)
async def test_readiness(results: dict[str, Health], status: int, verdict: str) -> None:
    """The worst check decides: 503 only when one failed, and the answer names each."""
    async with served({name: always(health) for name, health in results.items()}) as url:
        assert await ask(f"{url}/readyz") == (
            status,
            {
                "service": "gateway",
                "status": verdict,
                "checks": {name: health.value for name, health in results.items()},
            },
        )


async def test_readiness_is_asked_each_time() -> None:
    """Readiness is that of the moment."""
    answers = iter([OK, FAILED, OK])

    async def check() -> Health:
        return next(answers)

    async with served({"database": check}) as url:
        assert [(await ask(f"{url}/readyz"))[0] for _ in range(3)] == [200, 503, 200]


async def test_liveness_looks_at_nothing() -> None:
    """The process is alive while its checks fail, hang or break."""

    async def hang() -> Health:
        await asyncio.Event().wait()
        return OK

    async def break_down() -> Health:
        raise RuntimeError

    async with served({"one": always(FAILED), "two": hang, "three": break_down}) as url:
        assert await ask(f"{url}/healthz") == (200, {"status": "ok"})


async def test_nothing_else_is_served() -> None:
    """The internal listener has these pages alone, and ends with its block."""
    async with served({}) as url, aiohttp.ClientSession() as session:
        for path in ("/", "/metrics/", "/healthz/", "/readyz/x"):
            async with session.get(url + path) as response:
                assert response.status == 404
        async with session.post(f"{url}/healthz") as response:
            assert response.status == 405
    with pytest.raises(aiohttp.ClientConnectorError):
        await ask(f"{url}/healthz")


def test_the_worst_of_all() -> None:
    """Failed is worse than degraded is worse than ok."""
    assert worst([OK, DEGRADED, FAILED, OK]) is FAILED
    assert worst([OK, DEGRADED]) is DEGRADED
    assert worst([]) is OK


def test_passing() -> None:
    """A check that does not pass is failed, or what its author says."""
    assert passing(True) is OK  # noqa: FBT003 - as in the code that calls it
    assert passing(False) is FAILED  # noqa: FBT003 - as above
    assert passing(False, otherwise=DEGRADED) is DEGRADED  # noqa: FBT003 - as above
