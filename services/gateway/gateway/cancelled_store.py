"""Cancelled logins that no gateway has told of yet. One function, one statement."""

from dataclasses import dataclass
from datetime import timedelta

from common.db import Connection
from gateway.transaction import Status, Transaction


@dataclass(frozen=True, kw_only=True)
class Cancelled:
    """How far a login was, how long after its arrival it was cancelled, and how long ago that is."""

    was: Status
    age: timedelta
    ago: timedelta


async def leave(connection: Connection, was: Transaction) -> None:
    """To be told of as soon as this is committed."""
    await connection.execute(
        "INSERT INTO cancelled_logins (tenant, transaction_id, was) VALUES ($1, $2, $3)",
        was.tenant,
        was.id,
        was.status,
    )


async def untold(connection: Connection, *, after: tuple[str, str], limit: int) -> list[tuple[str, str]]:
    """Tenant and id of those that nobody has told of, in that order: the next ones `after` such a pair."""
    rows = await connection.fetch(
        """
        SELECT tenant, transaction_id FROM cancelled_logins
        WHERE (tenant, transaction_id) > ($1, $2) ORDER BY tenant, transaction_id LIMIT $3
        """,
        *after,
        limit,
    )
    return [(row["tenant"], row["transaction_id"]) for row in rows]


async def take(connection: Connection, *, tenant: str, transaction_id: str) -> Cancelled | None:
    """To tell of it once this is committed; None if somebody else does."""
    row = await connection.fetchrow(
        """
        DELETE FROM cancelled_logins AS cancelled USING transactions AS login
        WHERE cancelled.tenant = $1 AND cancelled.transaction_id = $2 AND login.id = $2
        RETURNING cancelled.was, cancelled_at - opened_at AS age, ws_now() - cancelled_at AS ago
        """,
        tenant,
        transaction_id,
    )
    return None if row is None else Cancelled(was=Status(row["was"]), age=row["age"], ago=row["ago"])
