"""The SQL of metadata-sync: one function, one statement.

Who needs both locks takes the user's row first and the domain's budget second.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import asyncpg
import msgspec
from msgspec import Struct
from pydantic import TypeAdapter

from common.db import Connection
from metadata_sync.limiter import Budget, doubted
from metadata_sync.state import UserState

UserKey: TypeAlias = tuple[str, str]  # tenant, user id
Record: TypeAlias = asyncpg.Record

_STATE = msgspec.json.Decoder(UserState)
_BUDGET = TypeAdapter(Budget)


class User(Struct, frozen=True, kw_only=True):
    """A locked row: `lease` is the number of the newest attempt, `now` the database's time."""

    tenant: str
    user_id: str
    state: UserState
    lease: int
    wake_at: datetime | None
    now: datetime

    @property
    def key(self) -> UserKey:
        return self.tenant, self.user_id

    @property
    def due_in(self) -> float | None:
        """Seconds until somebody must look; None while nothing is to be done."""
        return (self.wake_at - self.now).total_seconds() if self.wake_at else None


@dataclass(frozen=True, kw_only=True)
class Pending:
    """The first of a tenant's users to look at, people before the others; due in `seconds`, or since."""

    tenant: str
    waiting: bool
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """How many of a tenant's users are to be looked at; the first of them is due since `overdue` seconds."""

    tenant: str
    waiting: bool
    users: int
    overdue: float


async def lock_users(connection: Connection, keys: Iterable[UserKey]) -> dict[UserKey, User]:
    """These rows, new ones where need be, ours until the transaction ends.

    All are made before any is locked, and both in order: who holds a row and then makes another may wait for
    somebody who makes that one and waits for the row.
    """
    wanted = sorted(set(keys))
    while len(users := await _lock_all(connection, wanted)) < len(wanted):
        await _make(connection, wanted)
    return users


async def _lock_all(connection: Connection, keys: list[UserKey]) -> dict[UserKey, User]:
    """Nobody where one of them is not there."""
    rows = await connection.fetch(
        """
        SELECT tenant, user_id, state, lease, wake_at, ws_now() AS now
        FROM users JOIN unnest($1::text[], $2::text[]) AS wanted (tenant, user_id) USING (tenant, user_id)
        WHERE cardinality($1) = (
            SELECT count(*) FROM users
            JOIN unnest($1, $2) AS there (tenant, user_id) USING (tenant, user_id)
        )
        ORDER BY tenant, user_id FOR UPDATE OF users
        """,
        *columns_of(keys),
    )
    return {(row["tenant"], row["user_id"]): user_from(row) for row in rows}


async def _make(connection: Connection, keys: list[UserKey]) -> None:
    await connection.execute(
        """
        INSERT INTO users (tenant, user_id, state)
        SELECT tenant, user_id, '{}' FROM unnest($1::text[], $2::text[]) AS wanted (tenant, user_id)
        ON CONFLICT DO NOTHING
        """,
        *columns_of(keys),
    )


def columns_of(keys: Sequence[UserKey]) -> tuple[list[str], list[str]]:
    return [tenant for tenant, _ in keys], [user_id for _, user_id in keys]


async def find_user(connection: Connection, *, tenant: str, user_id: str) -> User | None:
    """The user's row, locked, if there is one."""
    row = await connection.fetchrow(
        """
        SELECT tenant, user_id, state, lease, wake_at, ws_now() AS now FROM users
        WHERE tenant = $1 AND user_id = $2 FOR UPDATE
        """,
        tenant,
        user_id,
    )
    return None if row is None else user_from(row)


async def users_with_parked(
    connection: Connection, *, tenant: str | None, user_id: str | None, after: tuple[str, str], limit: int
) -> list[User]:
    """Users of whom something is parked, those after this (tenant, user id), in that order."""
    rows = await connection.fetch(
        """
        SELECT tenant, user_id, state, lease, wake_at, ws_now() AS now FROM users
        WHERE state ? 'parked' AND (tenant, user_id) > ($3, $4)
          AND ($1::text IS NULL OR tenant = $1) AND ($2::text IS NULL OR user_id = $2)
        ORDER BY tenant, user_id LIMIT $5
        """,
        tenant,
        user_id,
        *after,
        limit,
    )
    return [user_from(row) for row in rows]


async def save_user(connection: Connection, user: User) -> None:
    await connection.execute(
        """
        UPDATE users SET state = $3, lease = $4, waiting = $5, wake_at = $6
        WHERE tenant = $1 AND user_id = $2
        """,
        user.tenant,
        user.user_id,
        state_to_json(user.state),
        user.lease,
        user.state.is_waited_for,
        user.wake_at,
    )


async def save_users(connection: Connection, users: Sequence[User]) -> None:
    if not users:
        return
    await connection.execute(
        """
        UPDATE users SET state = saved.state, lease = saved.lease, waiting = saved.waiting,
            wake_at = saved.wake_at
        FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::bigint[], $5::boolean[], $6::timestamptz[])
            AS saved (tenant, user_id, state, lease, waiting, wake_at)
        WHERE users.tenant = saved.tenant AND users.user_id = saved.user_id
        """,
        *saved_columns(users),
    )


def saved_columns(users: Sequence[User]) -> tuple[list[Any], ...]:
    """What is saved of users, column by column."""
    return (
        [user.tenant for user in users],
        [user.user_id for user in users],
        [state_to_json(user.state) for user in users],
        [user.lease for user in users],
        [user.state.is_waited_for for user in users],
        [user.wake_at for user in users],
    )


async def renew_lease(
    connection: Connection, *, tenant: str, user_id: str, lease: int, duration: timedelta
) -> bool:
    """False if the lease is not this one any more."""
    renewed = await connection.fetchval(
        """
        UPDATE users SET wake_at = ws_now() + $4
        WHERE tenant = $1 AND user_id = $2 AND lease = $3 AND state ? 'attempt'
        RETURNING true
        """,
        tenant,
        user_id,
        lease,
        duration,
    )
    return renewed is not None


async def first_pending(connection: Connection) -> list[Pending]:
    """For each tenant with something to do, one row: the cost grows with tenants, not with their users."""
    rows = await connection.fetch(
        """
        WITH RECURSIVE busy(tenant) AS (
            (SELECT tenant FROM users WHERE wake_at IS NOT NULL ORDER BY tenant LIMIT 1)
            UNION ALL
            SELECT (SELECT tenant FROM users WHERE wake_at IS NOT NULL AND tenant > busy.tenant
                    ORDER BY tenant LIMIT 1)
            FROM busy WHERE busy.tenant IS NOT NULL
        )
        SELECT busy.tenant, waiting, extract(epoch FROM wake_at - ws_now())::float8 AS seconds
        FROM busy CROSS JOIN LATERAL (
            (SELECT waiting, wake_at FROM users
             WHERE tenant = busy.tenant AND waiting AND wake_at IS NOT NULL ORDER BY wake_at LIMIT 1)
            UNION ALL
            (SELECT waiting, wake_at FROM users
             WHERE tenant = busy.tenant AND NOT waiting AND wake_at IS NOT NULL ORDER BY wake_at LIMIT 1)
        ) AS first
        """
    )
    return [Pending(**row) for row in rows]


async def backlogs(connection: Connection, *, tenants: list[str], at_most: int) -> list[Backlog]:
    """Both classes of each of these tenants, read from the index alone; `at_most` are counted of each."""
    rows = await connection.fetch(
        """
        SELECT tenant, waiting, users, greatest(extract(epoch FROM ws_now() - due), 0)::float8 AS overdue
        FROM unnest($1::text[]) AS tenant CROSS JOIN (VALUES (true), (false)) AS class (waiting)
        CROSS JOIN LATERAL (
            SELECT count(*) AS users, min(wake_at) AS due FROM (
                SELECT wake_at FROM users
                WHERE users.tenant = tenant.tenant AND users.waiting = class.waiting
                  AND wake_at IS NOT NULL
                ORDER BY wake_at LIMIT $2
            ) AS first
        ) AS pending
        """,
        tenants,
        at_most,
    )
    return [Backlog(**row) for row in rows]


async def read_budgets(connection: Connection, *, domains: list[str]) -> tuple[dict[str, Budget], float]:
    """The budgets of these domains as they were saved last, not locked; and the database's time."""
    rows = await connection.fetch("SELECT domain, budget FROM budgets WHERE domain = ANY($1)", domains)
    budgets = {row["domain"]: _BUDGET.validate_json(row["budget"]) for row in rows}
    return budgets, await read_time(connection)


async def read_time(connection: Connection) -> float:
    """The database's time, in seconds since 1970."""
    now: float = await connection.fetchval("SELECT extract(epoch FROM ws_now())::float8")
    return now


async def lock_budget(connection: Connection, *, domain: str, fresh: Budget) -> Budget:
    """The domain's budget, `fresh` if there is none yet, ours until the transaction ends.

    One that another server process wrote is doubted: after a failover it may be older than what was sent.
    """
    rows: list[asyncpg.Record] = []
    while not rows:  # somebody else may make the row after we began to look
        rows = await connection.fetch(
            """
            WITH made AS (
                INSERT INTO budgets (domain, budget) VALUES ($1, $2) ON CONFLICT DO NOTHING
                RETURNING budget, true AS is_known
            ), there AS (
                SELECT budget, server_started_at = pg_postmaster_start_time() AS is_known
                FROM budgets WHERE domain = $1 FOR UPDATE
            )
            SELECT * FROM made UNION ALL SELECT * FROM there
            """,
            domain,
            budget_to_json(fresh),
        )
    return budget_from(rows[0]["budget"], is_known=rows[0]["is_known"])


async def save_budget(connection: Connection, budget: Budget, *, domain: str) -> None:
    await connection.execute(
        "UPDATE budgets SET budget = $2, server_started_at = pg_postmaster_start_time() WHERE domain = $1",
        domain,
        budget_to_json(budget),
    )


def user_from(row: Record) -> User:
    return User(
        tenant=row["tenant"],
        user_id=row["user_id"],
        state=state_from_json(row["state"]),
        lease=row["lease"],
        wake_at=row["wake_at"],
        now=row["now"],
    )


def state_from_json(text: str) -> UserState:
    return _STATE.decode(text)


def state_to_json(state: UserState) -> str:
    return msgspec.json.encode(state).decode()


def budget_from(text: str, *, is_known: bool) -> Budget:
    """The budget that was saved; one that another server process wrote is doubted."""
    budget = _BUDGET.validate_json(text)
    return budget if is_known else doubted(budget)


def budget_to_json(budget: Budget) -> str:
    return _BUDGET.dump_json(budget).decode()
