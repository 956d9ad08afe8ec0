"""Liveness and readiness, on a listener that browsers never reach.

`GET /healthz` answers while the event loop turns and looks at nothing else: a lost database must not restart
the process. `GET /readyz` answers 200 while every check is `ok` or `degraded`, 503 otherwise, and before
there is anything to check; the body names the service, for others may have such an address. `GET /metrics`
is for Prometheus (metrics.py).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from enum import StrEnum

from aiohttp import web

from common.metrics import Refresh, metrics_route, nothing_to_look_up
from common.settings import Address


class Health(StrEnum):
    """One check's answer; `degraded` is worth an operator's look and still serves."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILED = "failed"


Check = Callable[[], Awaitable[Health]]


class Vitals:
    """What the listener asks: that the service has not started, until it has; and again when it stops."""

    def __init__(self) -> None:
        self._checks: Mapping[str, Check] = _BEFORE
        self._refresh: Refresh = nothing_to_look_up

    @contextmanager
    def serving(
        self, checks: Mapping[str, Check], *, refresh: Refresh = nothing_to_look_up
    ) -> Iterator[None]:
        """Ask these while the block runs; `refresh` brings metrics up to date before a scrape."""
        self._checks, self._refresh = checks, refresh
        try:
            yield
        finally:
            self._checks, self._refresh = _BEFORE, nothing_to_look_up

    def leave(self) -> None:
        """The process stops, and works on until it has: not ready any more, and measured as before."""
        self._checks = _LEAVING

    async def refresh(self) -> None:
        await self._refresh()

    async def results(self) -> dict[str, Health]:
        return {name: await check() for name, check in self._checks.items()}


async def _failed() -> Health:
    return Health.FAILED


_BEFORE: Mapping[str, Check] = {"start": _failed}
_LEAVING: Mapping[str, Check] = {"stop": _failed}


@asynccontextmanager
async def serve_health(address: Address, *, service: str) -> AsyncIterator[Vitals]:
    """Serve these endpoints while the block runs; the service is not ready before it is `serving`."""
    vitals = Vitals()
    runner = web.AppRunner(create_health_app(vitals, service=service), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, address.host, address.port).start()
        yield vitals
    finally:
        await runner.cleanup()


def create_health_app(vitals: Vitals, *, service: str) -> web.Application:
    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"status": Health.OK})

    async def readyz(_request: web.Request) -> web.Response:
        results = await vitals.results()
        status = worst(results.values())
        body = {"service": service, "status": status, "checks": results}
        return web.json_response(body, status=503 if status is Health.FAILED else 200)

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), metrics_route(vitals.refresh)])
    return app


def worst(results: Iterable[Health]) -> Health:
    found = set(results)
    return next((status for status in (Health.FAILED, Health.DEGRADED) if status in found), Health.OK)


def passing(ok: bool, *, otherwise: Health = Health.FAILED) -> Health:  # noqa: FBT001 - reads as a sentence
    return Health.OK if ok else otherwise
