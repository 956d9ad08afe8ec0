"""`GET /metrics` for Prometheus, beside health: the process's own figures and whatever its package counts.

Metrics are module constants of the package that counts, as loggers are; there is one registry in a process.
"""

from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder

# What has to be looked up before a scrape is answered.
Refresh = Callable[[], Awaitable[None]]


async def nothing_to_look_up() -> None:
    return


def metrics_route(refresh: Refresh) -> web.RouteDef:
    """The route; `refresh` is awaited at each scrape and may not raise."""

    async def metrics(request: web.Request) -> web.Response:
        await refresh()
        try:
            encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        except (TypeError, ValueError):  # the library compares versions without looking at them
            encode, content_type = choose_encoder("")
        return web.Response(body=encode(REGISTRY), headers={"Content-Type": content_type})

    return web.get("/metrics", metrics)
