"""One worker of proofing under test, and what it left behind."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg

from common.clock import Clock
from common.db import Database
from common.messages import Message, decode
from common.outbox import OutgoingMessage
from common.relay import Relay
from common.sealing import Sealer
from common.tenants_watcher import TenantsWatcher
from common.vault import Place, Vault
from proofing.erase import Eraser
from proofing.providers.document import DocumentProvider
from proofing.worker import Worker
from tests.proofing.commands import DATA_KEY, PREVIOUS_SEAL_KEY, SEAL_KEY


class NotingPublisher:
    """A broker that confirms everything."""

    def __init__(self) -> None:
        self.published: list[Message] = []

    async def publish_all(self, messages: Sequence[OutgoingMessage]) -> list[bool]:
        self.published += [decode(message.body) for message in messages]
        return [True] * len(messages)


class Rig:
    """`eraser` takes what the queue brings, `worker` does the work; the others look at the database."""

    def __init__(self, database: Database, *, owner: str, tenants_file: Path, clock: Clock) -> None:
        self._database = database
        self._owner = owner
        self._publisher = NotingPublisher()
        self._relay = Relay(database=database, publisher=self._publisher, clock=clock)
        self._vault = Vault((DATA_KEY,))
        self.worker = Worker(
            database=database,
            relay=self._relay,
            vault=self._vault,
            sealer=Sealer((SEAL_KEY, PREVIOUS_SEAL_KEY)),
            tenants=TenantsWatcher(tenants_file, production=True, parts=frozenset()),
            providers={"document": DocumentProvider(clock=clock, refuse_specimens=True)},
            clock=clock,
        )
        self.eraser = Eraser(
            database=database,
            relay=self._relay,
            vault=self._vault,
            clock=clock,
            otherwise=self.worker.handle,
        )

    async def told(self) -> list[Message]:
        """Everything that the relay has published by now."""
        stopped = asyncio.Event()
        stopped.set()
        await self._relay.run(stopped)
        return self._publisher.published

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(self._owner, server_settings={"search_path": "proofing"})
        try:
            return [tuple(row) for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    async def execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self._owner, server_settings={"search_path": "proofing"})
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def count(self) -> dict[str, int]:
        """Rows per table that a verification writes to."""
        tables = ("inbox", "verifications", "checks", "evidence", "outbox")
        return {table: (await self.rows(f"SELECT count(*) FROM {table}"))[0][0] for table in tables}  # noqa: S608 - names from the line above

    async def evidence(self, *, user_id: str, verification_id: str) -> Any:
        """The decrypted evidence of the only verification there is."""
        ((content,),) = await self.rows("SELECT content FROM evidence")
        place = Place(tenant="acme", subject=user_id, field="evidence", row=verification_id)
        async with self._database.transaction(tenant="acme") as connection:
            return json.loads(await self._vault.decrypt(connection, content, place=place))

    async def everything_stored(self) -> str:
        """All rows of all tables of the schema as text, bytes as hex."""
        tables = await self.rows(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'proofing'"
        )
        dumps = [
            await self.rows(
                f"SELECT to_jsonb(t)::text FROM {table} AS t"  # noqa: S608 - a name from the catalogue
            )
            for (table,) in tables
        ]
        return "\n".join(str(row) for dump in dumps for row in dump)
