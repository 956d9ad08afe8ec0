"""The chain over the audit trail: batches are sealed one after the other, and anybody can check all of them.

The digest of an entry covers its place in the chain and all that it says; the seal of a batch covers the
digests of its entries and the seal before it. The database seals (`seal_audit_events`), as the owner. Here is
the same arithmetic once more, since who verifies takes nobody's word. Who can write as the owner could make a
whole new chain, but its seals would not be those that were logged (`audit.sealed`).
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from common.db import Connection, Database, DatabaseUnavailableError
from common.loops import pause

SEAL_SECONDS = 5.0
BATCH = 1000

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, kw_only=True)
class Seal:
    """One batch: entries `first` to `last` of the chain."""

    seal: int
    first: int
    last: int
    sealed_at: datetime
    previous: bytes
    digest: bytes


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What verifying found: the chain as far as it holds, and where it breaks first, if it does.

    `begins` is the first seal that is kept. `waiting` entries have no seal yet, the oldest since then.
    """

    begins: int | None
    seals: int
    entries: int
    head: bytes | None
    broken: str | None
    waiting: int
    waiting_since: datetime | None


class AuditSealer:
    """Puts new entries into batches. Every process of a service may: only one does at a time."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def run(self, stop: asyncio.Event) -> None:
        """Seal now and then until `stop` is set, then what is there once more."""
        while not stop.is_set():
            await self._seal()
            await pause(stop, seconds=SEAL_SECONDS)
        await self._seal()

    async def _seal(self) -> None:
        try:
            while seal := await self._seal_batch():
                events = seal.last - seal.first + 1
                log.info("audit.sealed", seal=seal.seal, events=events, digest=seal.digest.hex())
                if events < BATCH:
                    return
        except DatabaseUnavailableError:
            log.warning("database.unavailable", task="audit")

    async def _seal_batch(self) -> Seal | None:
        async with self._database.connection() as connection:
            row = await connection.fetchrow(
                "SELECT seal, first, last, sealed_at, previous, digest FROM seal_audit_events($1)", BATCH
            )
        return None if row is None else Seal(**row)


async def verify(connection: Connection, *, schema: str, known: tuple[int, str] | None = None) -> Finding:
    """Check the whole chain; `known` is number and digest of a seal from somewhere else, as from a log."""
    chain = _Chain(schema=schema, known=known)
    async for seal in _seals(connection):
        chain.take(seal, await _sealed(connection, seal))
        if chain.broken is not None:
            break
    waiting, since, beyond = await _rest(connection)
    chain.end(beyond)
    return Finding(
        begins=chain.begins,
        seals=chain.seals,
        entries=chain.entries,
        head=chain.last.digest if chain.last else None,
        broken=chain.broken,
        waiting=waiting,
        waiting_since=since,
    )


class _Chain:
    """As much of the chain as was looked at; `last` is the last seal that holds."""

    def __init__(self, *, schema: str, known: tuple[int, str] | None) -> None:
        self._genesis = genesis(schema)
        self._known = known
        self.begins: int | None = None
        self.seals = 0
        self.entries = 0
        self.last: Seal | None = None
        self.broken: str | None = None

    def take(self, seal: Seal, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add a batch, unless it breaks the chain."""
        self.broken = self._broken_link(seal) or _broken_batch(seal, rows) or self._not_as_known(seal)
        if self.broken is None:
            self.begins = self.begins or seal.seal
            self.seals, self.entries, self.last = self.seals + 1, self.entries + len(rows), seal

    def end(self, beyond: int | None) -> None:
        """There are no more seals; `beyond` is an entry that had one."""
        if self.broken is None and self._known is not None:
            self.broken = f"seal {self._known[0]}: not there any more"
        if self.broken is None and beyond is not None:
            self.broken = f"entry {beyond}: its seal is not there any more"

    def _broken_link(self, seal: Seal) -> str | None:
        """Whether something is missing before this batch; of what begins the chain only seal 1 can tell."""
        before = self.last
        if before is None:
            is_whole = seal.seal > 1 or (seal.first, seal.previous) == (1, self._genesis)
            return None if is_whole else "seal 1: changed"
        if (seal.seal, seal.first) != (before.seal + 1, before.last + 1):
            return f"seal {before.seal + 1}: not there any more"
        return None if seal.previous == before.digest else f"seal {seal.seal}: changed"

    def _not_as_known(self, seal: Seal) -> str | None:
        if self._known is None or seal.seal != self._known[0]:
            return None
        is_known, self._known = seal.digest.hex() == self._known[1], None
        return None if is_known else f"seal {seal.seal}: not the one that is known"


def _broken_batch(seal: Seal, rows: Sequence[Mapping[str, Any]]) -> str | None:
    for place, row in zip(range(seal.first, seal.last + 1), rows, strict=False):
        if row["number"] != place:
            return f"entry {place}: not there any more"
        if event_digest(row) != row["digest"]:
            return f"entry {place}: changed"
    if len(rows) < seal.last - seal.first + 1:
        return f"entry {seal.first + len(rows)}: not there any more"
    joined = b"".join(row["digest"] for row in rows)
    return None if seal_digest(seal, joined=joined) == seal.digest else f"seal {seal.seal}: changed"


def genesis(schema: str) -> bytes:
    """What the first seal of a schema has before it."""
    return hashlib.sha256(f"waystation audit {schema}".encode()).digest()


def event_digest(row: Mapping[str, Any]) -> bytes:
    """The digest of an entry at its place; the same as `audit_digest` in SQL."""
    subject = row["subject"].hex() if row["subject"] is not None else None
    texts = (row["tenant"], row["event"], row["transaction_id"], subject, row["about"], row["outcome"])
    return hashlib.sha256(
        _int8(row["number"])
        + _int8(row["id"])
        + _micros(row["at"])
        + b"".join(_text(text) for text in texts)
        + _int4(len(row["reasons"]))
        + b"".join(_text(reason) for reason in row["reasons"])
    ).digest()


def seal_digest(seal: Seal, *, joined: bytes) -> bytes:
    """The digest of a batch, from the `joined` digests of its entries."""
    numbers = _int8(seal.seal) + _int8(seal.first) + _int8(seal.last)
    return hashlib.sha256(seal.previous + numbers + _micros(seal.sealed_at) + joined).digest()


def _text(text: str | None) -> bytes:
    if text is None:
        return _int4(-1)
    encoded = text.encode()
    return _int4(len(encoded)) + encoded


def _int4(number: int) -> bytes:
    return number.to_bytes(4, signed=True)


def _int8(number: int) -> bytes:
    return number.to_bytes(8, signed=True)


def _micros(at: datetime) -> bytes:
    return _int8((at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))


async def _seals(connection: Connection) -> AsyncIterator[Seal]:
    after = 0
    while True:
        rows = await connection.fetch(
            """
            SELECT seal, first, last, sealed_at, previous, digest FROM audit_seals
            WHERE seal > $1 ORDER BY seal LIMIT $2
            """,
            after,
            BATCH,
        )
        for row in rows:
            yield Seal(**row)
        if len(rows) < BATCH:
            return
        after = rows[-1]["seal"]


async def _sealed(connection: Connection, seal: Seal) -> Sequence[Mapping[str, Any]]:
    rows = await connection.fetch(
        """
        SELECT number, id, at, tenant, event, transaction_id, subject, about, outcome, reasons, digest
        FROM audit_events WHERE number BETWEEN $1 AND $2 ORDER BY number
        """,
        seal.first,
        seal.last,
    )
    return [dict(row) for row in rows]


async def _rest(connection: Connection) -> tuple[int, datetime | None, int | None]:
    """What no seal covers: how many entries that wait for one, since when, and the first that had one."""
    row = await connection.fetchrow(
        """
        SELECT count(*) FILTER (WHERE number IS NULL) AS waiting,
            min(at) FILTER (WHERE number IS NULL) AS since, min(number) AS beyond
        FROM audit_events
        WHERE number IS NULL OR number > (SELECT coalesce(max(last), 0) FROM audit_seals)
        """
    )
    return (row["waiting"], row["since"], row["beyond"]) if row else (0, None, None)
