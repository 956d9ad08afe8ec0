"""Crypto-shredding: without a person's data key whatever it has encrypted is gone, in every copy."""

from dataclasses import dataclass, field

from common.audit import Audited, Entry, append, pseudonym_by
from common.db import Connection
from common.vault import Vault, VaultError


@dataclass(frozen=True, kw_only=True)
class Shredded:
    """Whether there was a key; `subject` is what the audit trail has called the person, if it can be told."""

    had_key: bool
    subject: bytes | None = field(default=None, repr=False)


async def shred(connection: Connection, vault: Vault, *, tenant: str, user_id: str) -> Shredded:
    """Delete the person's key in the caller's transaction; waits for whoever is encrypting with it.

    A key that no file unwraps is deleted like any other.
    """
    try:
        key = await vault.find_key(connection, (tenant, user_id))
    except VaultError:
        key = None
    deleted = await connection.fetchval(
        "DELETE FROM data_keys WHERE tenant = $1 AND subject = $2 RETURNING true", tenant, user_id
    )
    return Shredded(had_key=deleted is not None, subject=pseudonym_by(key) if key else None)


async def note_erased(
    connection: Connection, shredded: Shredded, *, tenant: str, erasure: str, rev: int
) -> None:
    """An entry of the audit trail: this service has erased somebody, who had that pseudonym until then."""
    entry = Entry(
        event=Audited.PERSON_ERASED,
        tenant=tenant,
        transaction_id=erasure,
        subject=shredded.subject,
        about=f"rev:{rev}",
    )
    await append(connection, entry)
