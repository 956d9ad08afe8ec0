"""The security page lists everything that is kept of a person, table by table."""

import re

import asyncpg

from tests.docs.markdown import Page
from tests.support.databases import ServiceDatabase
from tests.support.run_folder import ROOT

SCHEMAS = ("gateway", "proofing", "metadata_sync")
NOTHING_PERSONAL = {
    *(f"{schema}.{table}" for schema in SCHEMAS for table in ("schema_migrations", "audit_seals")),
    "gateway.document_texts",
    "gateway.rev_floors",
    "gateway.cancelled_logins",
    "metadata_sync.budgets",
}


async def test_every_table_is_in_the_inventory(database: ServiceDatabase) -> None:
    """Each table of the database has its row, or holds nothing of a person; no row is about another one."""
    connection = await asyncpg.connect(database.owner)
    try:
        rows = await connection.fetch(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname = ANY ($1)", list(SCHEMAS)
        )
    finally:
        await connection.close()
    there = {f"{row['schemaname']}.{row['tablename']}" for row in rows}
    assert _listed() == there - NOTHING_PERSONAL
    assert there >= NOTHING_PERSONAL


async def test_its_columns_are_there(database: ServiceDatabase) -> None:
    """What a row names of its table is a column of it."""
    connection = await asyncpg.connect(database.owner)
    try:
        for table, column in _columns():
            schema, name = table.split(".")
            found = await connection.fetchval(
                "SELECT true FROM information_schema.columns"
                " WHERE table_schema = $1 AND table_name = $2 AND column_name = $3",
                schema,
                name,
                column,
            )
            assert (table, column, found) == (table, column, True)
    finally:
        await connection.close()


def _rows() -> list[list[str]]:
    section = Page(ROOT / "docs" / "security.md").section("What is kept of a person")
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def _listed() -> set[str]:
    found: set[str] = set()
    for first, *_ in _rows():
        for name in re.findall(r"`([a-z_.]+)`", first):
            found |= {name} if "." in name else {f"{schema}.{name}" for schema in SCHEMAS}
    return found


def _columns() -> list[tuple[str, str]]:
    """Columns named in rows of one table; in a row without a table, of the one before."""
    found: list[tuple[str, str]] = []
    table = ""
    for first, second, *_ in _rows():
        named = re.findall(r"`([a-z_]+\.[a-z_]+)`", first)
        table = named[0] if len(named) == 1 else "" if first else table
        if table.startswith("gateway."):
            found += [(table, column) for column in re.findall(r"`([a-z_]+)`", second)]
    return found
