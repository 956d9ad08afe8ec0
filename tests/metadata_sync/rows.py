"""Everything that metadata-sync has stored, as text."""

import asyncpg

from tests.support.databases import ServiceDatabase


async def every_row(database: ServiceDatabase) -> list[str]:
    """Each row of each table of its schema; bytes are in hex."""
    connection = await asyncpg.connect(database.owner)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'metadata_sync'")
        return [
            row["text"]
            for (table,) in tables
            for row in await connection.fetch(f"SELECT one::text AS text FROM metadata_sync.{table} AS one")  # noqa: S608 - names from the catalogue
        ]
    finally:
        await connection.close()
