"""`GET /metrics` for Prometheus, beside health: what every service counts, and whatever its package adds.

Metrics are module constants of the package that counts, as loggers are; there is one registry in a process.
What has as many values as there are tenants is bounded: those beyond `MOST_TENANTS` are one, `other`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web
from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder

MOST_TENANTS = 500
OTHER_TENANTS = "other"
LOOK_AT_LOOP_SECONDS = 0.5

_LAG_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_MESSAGE_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)

PUBLISHED = Counter(
    "waystation_messages_published",
    "Messages that the outbox gave to the broker: `confirmed`, `failed` and tried again, or `expired`.",
    ["routing_key", "result"],
)
HANDLED = Counter(
    "waystation_messages_handled",
    "Deliveries that were settled: `done`, `parked` as a dead letter, or `deferred`.",
    ["message_type", "result"],
)
MESSAGE_AGE = Histogram(
    "waystation_message_age_seconds",
    "From the moment a message tells of to the end of its handling: outbox, broker and handler together.",
    ["message_type"],
    buckets=_MESSAGE_SECONDS,
)
OUTBOX_MESSAGES = Gauge(
    "waystation_outbox_messages", "Messages in the outbox of the service, 10,000 at most are counted."
)
OUTBOX_LAG = Gauge(
    "waystation_outbox_lag_seconds", "Age of the oldest message that the broker has not confirmed."
)
POOL_CONNECTIONS = Gauge(
    "waystation_database_connections",
    "Connections of a pool: `used`, `idle`, and how many there may be (`limit`).",
    ["pool", "state"],
)
SPANS = Counter(
    "waystation_spans",
    "Spans of traces that were `exported`, or `lost` since the collector did not take them.",
    ["result"],
)
LOOP_LAG = Histogram(
    "waystation_event_loop_lag_seconds",
    "How much later than asked the event loop woke somebody, looked at every half second.",
    buckets=_LAG_SECONDS,
)
UNCATALOGUED = Counter(
    "waystation_log_uncatalogued",
    "What was logged though no catalogue has it: an `event`, or a `field`, which is left out.",
    ["what"],
)

# What has to be looked up before a scrape is answered.
Refresh = Callable[[], Awaitable[None]]


class TenantLabels:
    """Which tenants are told by name: the same at every replica that reads the same tenants file."""

    def __init__(self, *, most: int = MOST_TENANTS) -> None:
        self._most = most
        self._named: frozenset[str] = frozenset()

    def know(self, tenants: Iterable[str]) -> None:
        self._named = frozenset(sorted(tenants)[: self._most])

    def of(self, tenant: str) -> str:
        """The label's value: a key that the tenants file has, or `OTHER_TENANTS`."""
        return tenant if tenant in self._named else OTHER_TENANTS


TENANTS = TenantLabels()


async def nothing_to_look_up() -> None:
    return


def one_by_one(*refreshes: Refresh) -> Refresh:
    async def refresh() -> None:
        for one in refreshes:
            await one()

    return refresh


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


async def watch_event_loop(stop: asyncio.Event) -> None:
    """Measure until `stop` is set how late the loop is."""
    while not stop.is_set():
        due = time.perf_counter() + LOOK_AT_LOOP_SECONDS
        try:
            async with asyncio.timeout(LOOK_AT_LOOP_SECONDS):
                await stop.wait()
        except TimeoutError:
            LOOP_LAG.observe(max(0.0, time.perf_counter() - due))
