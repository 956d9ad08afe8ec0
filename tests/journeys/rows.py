"""What a login leaves in our database, read as its owner, who may see all schemas."""

import json
from typing import TYPE_CHECKING, Any

from tests.support.demo_tenant import Person
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    import asyncpg

_SCHEMAS = ("gateway", "proofing", "metadata_sync")
# A lease or a claim that somebody holds ends within seconds; what is due later is not in any test's way.
_SOON = "now() + interval '10 seconds'"
_QUIET_SECONDS = 150.0  # a postman who was killed keeps his mails for two minutes
_UNDER_WAY = {
    **{f"{schema}.outbox": f"due_at < {_SOON}" for schema in _SCHEMAS},
    "gateway.mails": f"due_at < {_SOON} OR claimed_until IS NOT NULL",
    "gateway.transactions": f"wake_at < {_SOON}",
    "metadata_sync.users": f"wake_at < {_SOON}",
}


class Rows:
    """Questions to the stack's database, which several tasks of a test may ask at once."""

    def __init__(self, owner: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._owner = owner

    async def all(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        return [dict(row) for row in await self._owner.fetch(query, *arguments)]

    async def transactions(self, person: Person) -> list[dict[str, Any]]:
        """The person's logins with us, oldest first."""
        return await self.all(
            "SELECT id, status, metadata, waiting_for, steps, version FROM gateway.transactions"
            " WHERE subject = $1 ORDER BY opened_at",
            person.user_id,
        )

    async def bring_to_last_call(self, transaction_id: str) -> None:
        """Let time pass for one login that waits: there are not two minutes left until its deadline."""
        await self._owner.execute(
            "UPDATE gateway.transactions SET deadline = now() + interval '100 seconds',"
            " waiting_until = now(), wake_at = now() WHERE id = $1",
            transaction_id,
        )

    async def settings(self, transaction_id: str) -> str:
        """The tenant as it was when that login began, as JSON."""
        (row,) = await self.all("SELECT settings FROM gateway.transactions WHERE id = $1", transaction_id)
        return str(row["settings"])

    async def change_settings(self, transaction_id: str, settings: str) -> None:
        """As no service ever would."""
        await self._owner.execute(
            "UPDATE gateway.transactions SET settings = $2 WHERE id = $1", transaction_id, settings
        )

    async def verifications(self, person: Person) -> list[dict[str, Any]]:
        return await self.all(
            "SELECT verification_id, status, level, reasons, revision FROM proofing.verifications"
            " WHERE user_id = $1",
            person.user_id,
        )

    async def rev(self, person: Person) -> int | None:
        """How many results of this person the gateway has settled; None if none yet."""
        found = await self.all("SELECT rev FROM gateway.user_revisions WHERE subject = $1", person.user_id)
        return found[0]["rev"] if found else None

    async def unsent(self) -> int:
        """Messages that still wait in any outbox."""
        return sum([await self._count(f"{schema}.outbox", "true") for schema in _SCHEMAS])

    async def desired(self, person: Person) -> dict[str, Any]:
        """What metadata-sync is to write for this person, by key."""
        found = await self.all("SELECT state FROM metadata_sync.users WHERE user_id = $1", person.user_id)
        desired: dict[str, Any] = json.loads(found[0]["state"])["desired"] if found else {}
        return desired

    async def unwritten(self) -> int:
        """Users whom metadata-sync has yet to look at."""
        return await self._count("metadata_sync.users", "wake_at IS NOT NULL")

    async def quiet(self) -> None:
        """Wait until there is no row that a service will change by itself within seconds."""

        async def nothing_due() -> bool:
            return not any([await self._count(table, rule) for table, rule in _UNDER_WAY.items()])

        await wait_until(nothing_due, _QUIET_SECONDS, what="everything that is under way to end", every=0.1)

    async def snapshot(self) -> dict[str, str]:
        """A digest of each table's whole content."""
        return {table: await self._digest(table) for table in await self._tables()}

    async def texts(self) -> dict[str, list[str]]:
        """Every row of every table as PostgreSQL writes it, bytes in hex."""
        rows = {}
        for table in await self._tables():
            found = await self.all(f"SELECT row::text AS text FROM {table} AS row")  # noqa: S608 - a table of ours
            rows[f"table {table}"] = [record["text"] for record in found]
        return rows

    async def _count(self, table: str, rule: str) -> int:
        count: int = await self._owner.fetchval(f"SELECT count(*) FROM {table} WHERE {rule}")  # noqa: S608 - constants of this file
        return count

    async def _tables(self) -> list[str]:
        tables = await self.all(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname = ANY($1) ORDER BY 1, 2",
            list(_SCHEMAS),
        )
        return [f'{table["schemaname"]}."{table["tablename"]}"' for table in tables]

    async def _digest(self, table: str) -> str:
        query = f"SELECT md5(coalesce(string_agg(row::text, '|' ORDER BY row::text), '')) FROM {table} AS row"  # noqa: S608 - a table of ours
        digest: str = await self._owner.fetchval(query)
        return digest
