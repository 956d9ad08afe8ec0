"""Data keys and what wraps them: counted, and wrapped anew by the first key-encryption key.

A data key stays what it is, so nothing that it has encrypted changes: services go on meanwhile, as long as
every replica has the first key. Whoever stops in between loses nothing, and two at once do no harm.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

from common import audit
from common.audit import Audited, Entry
from common.db import Connection, Database
from common.vault import Person, Vault, VaultError

BATCH = 500


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Data keys by the id of what wraps them, in hex; `files` are those of the key files, the first wraps."""

    files: tuple[str, ...]
    counts: dict[str, int]

    @property
    def remaining(self) -> int:
        """How many the first file does not wrap."""
        return sum(count for key_id, count in self.counts.items() if key_id != self.files[0])

    @property
    def unreadable(self) -> int:
        """How many no file unwraps."""
        return sum(count for key_id, count in self.counts.items() if key_id not in self.files)


@dataclass(frozen=True, kw_only=True)
class _Wrapped:
    """One row of `data_keys`."""

    person: Person
    kek_id: bytes
    wrapped: bytes = field(repr=False)


_Batch: TypeAlias = list[_Wrapped]


class Rotation:
    """Wraps data keys anew; `database` sees those of every tenant."""

    def __init__(self, *, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def standing(self) -> Standing:
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                "SELECT encode(kek_id, 'hex') AS id, count(*) AS count FROM data_keys GROUP BY 1 ORDER BY 1"
            )
        return Standing(
            files=tuple(key_id.hex() for key_id in self._vault.key_ids),
            counts={row["id"]: row["count"] for row in rows},
        )

    async def rotate(self) -> int:
        """Wrap all that an older file wraps by the first one; how many those were. Damaged ones stay."""
        first, *older = self._vault.key_ids
        count, after = 0, ("", "")
        while True:
            async with self._database.transaction() as connection:
                batch = await _older(connection, older, after=after)
                done = self._rewrapped(batch)
                await _save(connection, done, kek_id=first)
                if done:
                    await audit.append(connection, _entry(first, count=len(done)))
            count += len(done)
            if len(batch) < BATCH:
                return count
            after = batch[-1].person

    def _rewrapped(self, batch: _Batch) -> _Batch:
        done: _Batch = []
        for one in batch:
            try:
                wrapped = self._vault.rewrapped(kek_id=one.kek_id, wrapped=one.wrapped)
            except VaultError:
                continue
            done.append(_Wrapped(person=one.person, kek_id=one.kek_id, wrapped=wrapped))
        return done


def _entry(first: bytes, *, count: int) -> Entry:
    return Entry(
        event=Audited.KEYS_ROTATED, tenant=None, about=f"kek:{first.hex()}", outcome=f"count:{count}"
    )


async def _older(connection: Connection, older: list[bytes], *, after: Person) -> _Batch:
    """The next data keys that these wrap; a service can go on using them, but nobody else wraps them now."""
    rows = await connection.fetch(
        """
        SELECT tenant, subject, kek_id, wrapped FROM data_keys
        WHERE kek_id = ANY ($1) AND (tenant, subject) > ($2, $3)
        ORDER BY tenant, subject LIMIT $4 FOR NO KEY UPDATE
        """,
        older,
        *after,
        BATCH,
    )
    return [
        _Wrapped(person=(row["tenant"], row["subject"]), kek_id=row["kek_id"], wrapped=row["wrapped"])
        for row in rows
    ]


async def _save(connection: Connection, batch: _Batch, *, kek_id: bytes) -> None:
    await connection.execute(
        """
        UPDATE data_keys SET kek_id = $1, wrapped = again.wrapped
        FROM unnest($2::text[], $3::text[], $4::bytea[]) AS again (tenant, subject, wrapped)
        WHERE data_keys.tenant = again.tenant AND data_keys.subject = again.subject
        """,
        kek_id,
        [one.person[0] for one in batch],
        [one.person[1] for one in batch],
        [one.wrapped for one in batch],
    )
