"""The code that a login waits for. One function, one statement."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from common.db import Connection
from gateway.login import Login


@dataclass(frozen=True, kw_only=True)
class SentCode:
    """The newest code of a login; the one before it is worth nothing any more."""

    digest: bytes = field(repr=False)
    sent_at: datetime
    expires_at: datetime


async def keep(connection: Connection, login: Login, digest: bytes, *, valid_for: timedelta) -> datetime:
    """Keep the digest of a new code; returns until when it is good."""
    expires_at: datetime = await connection.fetchval(
        """
        INSERT INTO stepup_codes (tenant, transaction_id, digest, sent_at, expires_at)
        VALUES ($1, $2, $3, ws_now(), ws_now() + $4)
        ON CONFLICT (tenant, transaction_id) DO UPDATE SET
            digest = excluded.digest, sent_at = excluded.sent_at, expires_at = excluded.expires_at
        RETURNING expires_at
        """,
        login.transaction.tenant,
        login.id,
        digest,
        valid_for,
    )
    return expires_at


async def find(connection: Connection, login: Login) -> SentCode | None:
    row = await connection.fetchrow(
        "SELECT digest, sent_at, expires_at FROM stepup_codes WHERE tenant = $1 AND transaction_id = $2",
        login.transaction.tenant,
        login.id,
    )
    return None if row is None else SentCode(**row)


async def forget(connection: Connection, login: Login) -> None:
    await connection.execute(
        "DELETE FROM stepup_codes WHERE tenant = $1 AND transaction_id = $2",
        login.transaction.tenant,
        login.id,
    )


async def one_at_a_time(connection: Connection, login: Login) -> None:
    """Until this transaction ends, nobody else compares a code of this person: guesses come one by one."""
    transaction = login.transaction
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
        f"stepup {transaction.tenant} {transaction.subject}",
    )
