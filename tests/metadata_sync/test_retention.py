"""Users at rest, and those who were erased, are kept for as long as the tenant says."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from common.clock import SystemClock
from common.db import open_database
from common.retention import RetentionJob
from common.tenants_watcher import TenantsWatcher
from metadata_sync.retention import Users
from tests.common.tenants_on_disk import section, write_tenants
from tests.support.databases import ServiceDatabase

ROWS = {
    "at rest": '{"confirmed": {"a": {"rev": 1, "digest": "d", "at": "AGE"}}}',
    "parked": '{"parked": {"a": {"rev": 1, "reason": "conflict", "at": "AGE"}}}',
    "settling": '{"confirmed": {"a": {"rev": 1, "digest": "d", "at": "AGE"}}, "unsettled": {"a": "AGE"}}',
    "asked for": '{"requesters": {"tx": {"traceparent": "t", "waiting": false, "keys": {"a": 1}}}}',
    "erased": '{"erased": {"rev": 3, "at": "AGE"}}',
    "back again": '{"erased": {"rev": 3, "at": "AGE"}, "desired": {"a": {"rev": 4, "value": null}}}',
}


@pytest.fixture
async def job(database: ServiceDatabase, tmp_path: Path) -> AsyncIterator[RetentionJob]:
    kept = {"writes": "100d", "erasures": "40d"}
    path = write_tenants(tmp_path, {"acme": section(retention=kept)})
    async with open_database(
        database.metadata_sync,
        schema="metadata_sync",
        application_name="test",
        production=False,
        all_tenants=True,
    ) as opened:
        yield RetentionJob(
            database=opened,
            tenants=TenantsWatcher(path, production=True, parts=frozenset()),
            rules={"users": Users()},
            clock=SystemClock(),
        )


@pytest.mark.parametrize(
    ("days", "left"),
    [
        (39, {*ROWS}),
        (41, {*ROWS} - {"erased"}),
        (101, {"settling", "asked for"}),
    ],
)
async def test_users_at_rest_go(
    job: RetentionJob, database: ServiceDatabase, days: int, left: set[str]
) -> None:
    """Who was not written for so long goes with their key; nobody for whom something is to be done."""
    connection = await asyncpg.connect(database.owner, server_settings={"search_path": "metadata_sync"})
    try:
        for user_id, state in ROWS.items():
            await connection.execute(
                "INSERT INTO users (tenant, user_id, state)"
                " SELECT 'acme', $1, replace($2, 'AGE', (now() - make_interval(days => $3))::text)::jsonb",
                user_id,
                state,
                days,
            )
            await connection.execute(
                "INSERT INTO data_keys (tenant, subject, dek_id, kek_id, wrapped)"
                " VALUES ('acme', $1, '', '', '')",
                user_id,
            )
        await job.enforce()
        rows = await connection.fetch("SELECT user_id FROM users")
        keys = await connection.fetch("SELECT subject FROM data_keys")
    finally:
        await connection.close()
    assert {row["user_id"] for row in rows} == {key["subject"] for key in keys} == left
