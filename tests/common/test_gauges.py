"""What every service looks up for a scrape: what its outbox holds, and how its pools are used."""

from datetime import timedelta

from prometheus_client import REGISTRY

from common.db import open_database
from common.gauges import SharedGauges
from common.outbox import defer, enqueue
from tests.contracts.examples import example
from tests.support.clock import FakeClock
from tests.support.databases import ServiceDatabase


def seen(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"waystation_{name}", labels)


async def test_outbox_and_pool(database: ServiceDatabase) -> None:
    """The oldest message tells how far the outbox lags, one that was deferred does not; kept for 5 s."""
    clock = FakeClock()
    opened = open_database(
        database.proofing, schema="proofing", application_name="test", production=False, pool_size=4
    )
    async with opened as db:
        gauges = SharedGauges(databases={"service": db}, clock=clock)
        await gauges.refresh()
        assert (seen("outbox_messages"), seen("outbox_lag_seconds")) == (0, 0)
        async with db.connection() as connection:
            now = await connection.fetchval("SELECT ws_now()")
            await defer(connection, b"{}", event_id="e-0", queue="proofing", delay=timedelta(seconds=1))
            old = (now - timedelta(hours=1)).isoformat()
            await enqueue(connection, example("verify-identity.v1").message(occurred_at=old))
            await gauges.refresh()
            assert seen("outbox_messages") == 0
            assert seen("database_connections", pool="service", state="used") == 1
        clock.advance(5)
        await gauges.refresh()
        assert seen("outbox_messages") == 2
        assert 3600 <= (seen("outbox_lag_seconds") or 0) < 4200
        states = {state: seen("database_connections", pool="service", state=state) for state in STATES}
        assert states == {"used": 0, "idle": 1, "limit": 4}


STATES = ("used", "idle", "limit")


async def test_without_a_database(database: ServiceDatabase) -> None:
    """What cannot be looked up is no number, rather than the last one."""
    opened = open_database(database.proofing, schema="proofing", application_name="test", production=False)
    async with opened as db:
        gauges = SharedGauges(databases={"service": db}, clock=FakeClock())
    await gauges.refresh()
    assert str(seen("outbox_lag_seconds")) == "nan"
