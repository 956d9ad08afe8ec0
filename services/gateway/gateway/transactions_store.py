"""The SQL of operators who look at logins: one function, one statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from common.db import Connection


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which logins: all that match what is given; ages are times since they were opened.

    `after`: only what comes after this login in the list.
    """

    tenant: str | None = None
    subject: str | None = None
    statuses: Sequence[str] | None = None
    older_than: timedelta | None = None
    younger_than: timedelta | None = None
    after: str | None = None


async def find_logins(connection: Connection, wanted: Wanted, *, limit: int) -> list[Mapping[str, Any]]:
    """What of logins is not personal, the newest first."""
    rows = await connection.fetch(
        """
        SELECT id, tenant, status, waiting_for, client_id, opened_at, deadline, metadata, steps,
            claimed_by IS NOT NULL AS is_claimed, ws_now() AS now
        FROM transactions
        WHERE ($1::text IS NULL OR tenant = $1) AND ($2::text IS NULL OR subject = $2)
            AND ($3::text[] IS NULL OR status = ANY($3))
            AND ($4::interval IS NULL OR opened_at <= ws_now() - $4)
            AND ($5::interval IS NULL OR opened_at >= ws_now() - $5)
            AND ($6::text IS NULL OR (opened_at, id) < (SELECT opened_at, id FROM transactions WHERE id = $6))
        ORDER BY opened_at DESC, id DESC LIMIT $7
        """,
        wanted.tenant,
        wanted.subject,
        None if wanted.statuses is None else list(wanted.statuses),
        wanted.older_than,
        wanted.younger_than,
        wanted.after,
        limit,
    )
    return [dict(row) for row in rows]


async def find_login(connection: Connection, transaction_id: str) -> Mapping[str, Any] | None:
    """What of one login is not personal."""
    row = await connection.fetchrow(
        """
        SELECT id, tenant, status, waiting_for, waiting_until, client_id, issuer, opened_at, deadline,
            metadata, steps, claimed_by IS NOT NULL AS is_claimed, language, traceparent, answered_until,
            version, jti, ws_now() AS now
        FROM transactions WHERE id = $1
        """,
        transaction_id,
    )
    return None if row is None else dict(row)


async def find_ids(connection: Connection, *, beginning: str, limit: int) -> list[str]:
    """Those that begin so."""
    rows = await connection.fetch(
        "SELECT id FROM transactions WHERE starts_with(id, $1) ORDER BY id LIMIT $2", beginning, limit
    )
    return [row["id"] for row in rows]


async def has_logins(connection: Connection, tenant: str) -> bool:
    """Whether there is a login of this tenant."""
    query = "SELECT EXISTS (SELECT FROM transactions WHERE tenant = $1)"
    return bool(await connection.fetchval(query, tenant))
