"""A user's row and the budget of its domain, locked by one statement and saved by one.

Whoever writes a user needs both, and each statement less is time for which nobody else has the budget.
"""

from dataclasses import dataclass

from common.db import Connection
from metadata_sync.limiter import Budget
from metadata_sync.store import Record, User, budget_from, budget_to_json, state_to_json, user_from


@dataclass(frozen=True, kw_only=True)
class Held:
    """Both rows, ours until the transaction ends; no budget where there is no row for it yet."""

    user: User
    budget: Budget | None


async def hold_next(connection: Connection, *, tenant: str, waiting: bool, domain: str) -> Held | None:
    """The tenant's user of this class that is due longest; None if nobody else's is left."""
    row = await connection.fetchrow(
        """
        WITH picked AS MATERIALIZED (
            SELECT tenant, user_id, state, lease, wake_at FROM users
            WHERE tenant = $1 AND waiting = $2 AND wake_at <= (SELECT ws_now())
            ORDER BY wake_at
            LIMIT 1 FOR UPDATE SKIP LOCKED
        ), locked AS MATERIALIZED (
            SELECT budget, server_started_at = pg_postmaster_start_time() AS is_known
            FROM budgets WHERE domain = $3 AND EXISTS (SELECT FROM picked) FOR UPDATE
        )
        SELECT picked.*, budget, is_known, ws_now() AS now FROM picked LEFT JOIN locked ON true
        """,
        tenant,
        waiting,
        domain,
    )
    return _held(row)


async def hold_user(connection: Connection, *, tenant: str, user_id: str, domain: str) -> Held | None:
    """This user, if there is a row."""
    row = await connection.fetchrow(
        """
        WITH picked AS MATERIALIZED (
            SELECT tenant, user_id, state, lease, wake_at FROM users
            WHERE tenant = $1 AND user_id = $2 FOR UPDATE
        ), locked AS MATERIALIZED (
            SELECT budget, server_started_at = pg_postmaster_start_time() AS is_known
            FROM budgets WHERE domain = $3 AND EXISTS (SELECT FROM picked) FOR UPDATE
        )
        SELECT picked.*, budget, is_known, ws_now() AS now FROM picked LEFT JOIN locked ON true
        """,
        tenant,
        user_id,
        domain,
    )
    return _held(row)


async def save_both(connection: Connection, user: User, budget: Budget, *, domain: str) -> None:
    """Save what is held; the budget's row is there."""
    await connection.execute(
        """
        WITH saved AS (
            UPDATE users SET state = $3, lease = $4, waiting = $5, wake_at = $6
            WHERE tenant = $1 AND user_id = $2
        )
        UPDATE budgets SET budget = $8, server_started_at = pg_postmaster_start_time() WHERE domain = $7
        """,
        user.tenant,
        user.user_id,
        state_to_json(user.state),
        user.lease,
        user.state.is_waited_for,
        user.wake_at,
        domain,
        budget_to_json(budget),
    )


def _held(row: Record | None) -> Held | None:
    if row is None:
        return None
    budget = None if row["budget"] is None else budget_from(row["budget"], is_known=row["is_known"])
    return Held(user=user_from(row), budget=budget)
