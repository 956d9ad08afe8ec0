"""Mail on its way out: one row until a server has taken it. One function, one statement."""

from dataclasses import dataclass, field
from datetime import datetime

from common.db import Connection

BATCH = 20


@dataclass(frozen=True, kw_only=True)
class StoredMail:
    """One row; `content` is encrypted for the person."""

    id: str
    tenant: str
    subject: str
    transaction_id: str
    attempts: int
    content: bytes = field(repr=False)


async def insert(connection: Connection, mail: StoredMail, *, expires_at: datetime) -> None:
    await connection.execute(
        """
        INSERT INTO mails (id, tenant, subject, transaction_id, content, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        """,
        mail.id,
        mail.tenant,
        mail.subject,
        mail.transaction_id,
        mail.content,
        expires_at,
    )


async def claim_due(connection: Connection, *, seconds: float) -> list[StoredMail]:
    """Mails that are due now; for so long, no other replica takes them."""
    rows = await connection.fetch(
        """
        UPDATE mails SET claimed_until = ws_now() + make_interval(secs => $2), attempts = attempts + 1
        WHERE id IN (
            SELECT id FROM mails
            WHERE due_at <= ws_now() AND expires_at > ws_now()
                AND (claimed_until IS NULL OR claimed_until < ws_now())
            ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
        )
        RETURNING id, tenant, subject, transaction_id, attempts, content
        """,
        BATCH,
        seconds,
    )
    return [StoredMail(**row) for row in rows]


async def delete(connection: Connection, mail_id: str) -> None:
    await connection.execute("DELETE FROM mails WHERE id = $1", mail_id)


async def release(connection: Connection, mail: StoredMail, *, seconds: float) -> None:
    """Try it again after so long, unless somebody else has taken it meanwhile."""
    await connection.execute(
        """
        UPDATE mails SET claimed_until = NULL, due_at = ws_now() + make_interval(secs => $3)
        WHERE id = $1 AND attempts = $2
        """,
        mail.id,
        mail.attempts,
        seconds,
    )


async def delete_expired(connection: Connection) -> list[StoredMail]:
    """Take away what is of no use any more, unless it is being sent just now."""
    rows = await connection.fetch(
        """
        DELETE FROM mails WHERE expires_at <= ws_now() AND (claimed_until IS NULL OR claimed_until < ws_now())
        RETURNING id, tenant, subject, transaction_id, attempts, content
        """
    )
    return [StoredMail(**row) for row in rows]
