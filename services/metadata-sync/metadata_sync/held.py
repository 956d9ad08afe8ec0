"""Rows of users and the budget of their domain, locked by one statement and saved by one.

Whoever writes users needs both, and each statement less is time for which nobody else has the budget.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from common.db import Connection
from metadata_sync.limiter import Budget
from metadata_sync.store import (
    Record,
    User,
    UserKey,
    budget_from,
    budget_to_json,
    columns_of,
    saved_columns,
    user_from,
)


@dataclass(frozen=True, kw_only=True)
class Held:
    """These rows, ours until the transaction ends; no budget where there is no row for it yet, or no user."""

    users: tuple[User, ...]
    budget: Budget | None


async def hold_due(connection: Connection, *, tenant: str, waiting: bool, domain: str, at_most: int) -> Held:
    """The tenant's users of this class that are due longest, as far as nobody else looks at them."""
    rows = await connection.fetch(
        """
        WITH picked AS MATERIALIZED (
            SELECT tenant, user_id, state, lease, wake_at FROM users
            WHERE tenant = $1 AND waiting = $2 AND wake_at <= (SELECT ws_now())
            ORDER BY wake_at
            LIMIT $4 FOR UPDATE SKIP LOCKED
        ), locked AS MATERIALIZED (
            SELECT budget, server_started_at = pg_postmaster_start_time() AS is_known
            FROM budgets WHERE domain = $3 AND (SELECT count(*) FROM picked) > 0 FOR UPDATE
        )
        SELECT picked.*, budget, is_known, (SELECT ws_now()) AS now
        FROM picked LEFT JOIN locked ON true ORDER BY wake_at
        """,
        tenant,
        waiting,
        domain,
        at_most,
    )
    return _held(rows)


async def hold_users(connection: Connection, keys: Sequence[UserKey], *, domain: str) -> Held:
    """These users, as far as there are rows; every one of them is locked before the budget is."""
    rows = await connection.fetch(
        """
        WITH picked AS MATERIALIZED (
            SELECT tenant, user_id, state, lease, wake_at
            FROM users JOIN unnest($1::text[], $2::text[]) AS wanted (tenant, user_id)
                USING (tenant, user_id)
            ORDER BY tenant, user_id FOR UPDATE OF users
        ), locked AS MATERIALIZED (
            SELECT budget, server_started_at = pg_postmaster_start_time() AS is_known
            FROM budgets WHERE domain = $3 AND (SELECT count(*) FROM picked) > 0 FOR UPDATE
        )
        SELECT picked.*, budget, is_known, (SELECT ws_now()) AS now FROM picked LEFT JOIN locked ON true
        """,
        *columns_of(sorted(set(keys))),
        domain,
    )
    return _held(rows)


async def save_held(connection: Connection, users: Sequence[User], budget: Budget, *, domain: str) -> None:
    """Save what is held; the budget's row is there."""
    await connection.execute(
        """
        WITH saved AS (
            UPDATE users SET state = saved.state, lease = saved.lease, waiting = saved.waiting,
                wake_at = saved.wake_at
            FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::bigint[], $5::boolean[], $6::timestamptz[])
                AS saved (tenant, user_id, state, lease, waiting, wake_at)
            WHERE users.tenant = saved.tenant AND users.user_id = saved.user_id
        )
        UPDATE budgets SET budget = $8, server_started_at = pg_postmaster_start_time() WHERE domain = $7
        """,
        *saved_columns(users),
        domain,
        budget_to_json(budget),
    )


def _held(rows: Sequence[Record]) -> Held:
    budget = None
    if rows and rows[0]["budget"] is not None:
        budget = budget_from(rows[0]["budget"], is_known=rows[0]["is_known"])
    return Held(users=tuple(map(user_from, rows)), budget=budget)
