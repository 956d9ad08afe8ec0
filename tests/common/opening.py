"""The gateway's database, opened as the gateway does, and looked at by who may do anything."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import asyncpg

from common.db import Database, open_database
from tests.support.databases import ServiceDatabase


def opened(
    dsn: str, *, production: bool = False, pool_size: int = 2
) -> AbstractAsyncContextManager[Database]:
    return open_database(
        dsn, schema="gateway", application_name="test", production=production, pool_size=pool_size
    )


@asynccontextmanager
async def superuser(database: ServiceDatabase) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(database.owner)
    try:
        yield connection
    finally:
        await connection.close()
