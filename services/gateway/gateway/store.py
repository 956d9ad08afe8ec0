"""Logins and revs in the database. One function, one statement."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
from pydantic import TypeAdapter

from common.db import Connection
from common.tenants import TenantSnapshot
from gateway.errors import ConflictError
from gateway.login import Login
from gateway.transaction import MetadataOutcome, Status, Transaction, WaitingFor
from gateway.transaction_step import Step

_STEPS = TypeAdapter(tuple[Step, ...])


async def insert_login(
    connection: Connection,
    login: Login,
    *,
    state_digest: bytes,
    state: bytes,
    profile: bytes | None,
    authorize: bytes | None = None,
    network: bytes | None = None,
) -> bool:
    """False if this tenant already has a login with this jti or this state; nothing is written then."""
    transaction = login.transaction
    inserted = await connection.fetchval(
        """
        INSERT INTO transactions (
            id, tenant, jti, subject, status, version, steps, issuer, client_id, continue_uri, settings,
            state_digest, state, profile, traceparent, opened_at, deadline, wake_at, ui_locales, authorize,
            pseudonym, network
        ) VALUES (
            $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, ws_now(), $16, $17, $18, $19,
            $20, $21
        )
        ON CONFLICT DO NOTHING RETURNING true
        """,
        transaction.id,
        transaction.tenant,
        transaction.jti,
        transaction.subject,
        transaction.status,
        transaction.version,
        _STEPS.dump_json(transaction.steps).decode(),
        login.issuer,
        login.client_id,
        login.continue_uri,
        login.settings.to_json(),
        state_digest,
        state,
        profile,
        login.traceparent,
        transaction.deadline,
        transaction.wake_at,
        list(login.ui_locales),
        authorize,
        login.pseudonym,
        network,
    )
    return inserted is not None


async def find_id(connection: Connection, *, tenant: str, jti: str, state_digest: bytes) -> str | None:
    """The login of this jti, if it came with this state; None where the two do not belong together."""
    found: str | None = await connection.fetchval(
        "SELECT id FROM transactions WHERE tenant = $1 AND jti = $2 AND state_digest = $3",
        tenant,
        jti,
        state_digest,
    )
    return found


_COLUMNS = """
    id, tenant, jti, subject, status, waiting_for, waiting_until, version, steps, metadata, claimed_by,
    device, language, issuer, client_id, continue_uri, settings, traceparent, ui_locales, deadline, pseudonym
"""
_LOAD = f"SELECT {_COLUMNS} FROM transactions WHERE id = $1"  # noqa: S608 - the columns above


async def enter(connection: Connection, transaction_id: str) -> Login | None:
    """The login, of whichever tenant; what follows in the same transaction sees that tenant's rows."""
    row = await connection.fetchrow(
        # OFFSET keeps the two apart: the row is looked for when its tenant is set, and not before.
        f"""
        SELECT login.* FROM enter_login($1) AS entered (id)
        CROSS JOIN LATERAL (SELECT {_COLUMNS} FROM transactions WHERE id = entered.id OFFSET 0) AS login
        """,  # noqa: S608 - the columns above
        transaction_id,
    )
    return None if row is None else _login(row)


async def load(connection: Connection, transaction_id: str) -> Login | None:
    row = await connection.fetchrow(_LOAD, transaction_id)
    return None if row is None else _login(row)


async def load_to_change(connection: Connection, transaction_id: str) -> Login | None:
    """As `load`; until this transaction ends, its person cannot be erased."""
    row = await connection.fetchrow(_LOAD + " FOR KEY SHARE", transaction_id)
    return None if row is None else _login(row)


async def save(connection: Connection, transaction: Transaction, *, was: int) -> timedelta:
    """Write a changed transaction over version `was`; how long ago its login arrived.

    Raises:
        ConflictError: somebody else was first.
    """
    age: timedelta | None = await connection.fetchval(
        """
        UPDATE transactions SET status = $3, waiting_for = $4, waiting_until = $5, version = $6, steps = $7,
            metadata = $8, claimed_by = $9, wake_at = $10, device = $11, language = $12
        WHERE id = $1 AND version = $2 RETURNING ws_now() - opened_at
        """,
        transaction.id,
        was,
        transaction.status,
        transaction.waiting_for,
        transaction.waiting_until,
        transaction.version,
        _STEPS.dump_json(transaction.steps).decode(),
        transaction.metadata,
        transaction.claimed_by,
        transaction.wake_at,
        transaction.device,
        transaction.language,
    )
    if age is None:
        raise ConflictError("the login has changed")
    return age


async def note_token(connection: Connection, transaction_id: str, *, expires_at: datetime) -> None:
    """An answer token is out until then."""
    await connection.execute(
        "UPDATE transactions SET answered_until = $2 WHERE id = $1", transaction_id, expires_at
    )


async def due(connection: Connection, *, limit: int) -> list[tuple[str, str]]:
    """Tenant and id of logins that time alone changes now."""
    rows = await connection.fetch(
        "SELECT tenant, id FROM transactions WHERE wake_at <= ws_now() ORDER BY wake_at LIMIT $1", limit
    )
    return [(row["tenant"], row["id"]) for row in rows]


@dataclass(frozen=True, kw_only=True)
class Surplus:
    """An open login that is one too many for its `user` or its `tenant`, as `limit` says."""

    transaction_id: str
    tenant: str
    limit: str


async def surplus(connection: Connection, *, per_user: int, per_tenant: int, limit: int) -> list[Surplus]:
    """Open logins beyond those counts: first what nobody has claimed within a minute, then the oldest."""
    rows = await connection.fetch(
        """
        SELECT id, tenant, CASE WHEN of_user > $1 THEN 'user' ELSE 'tenant' END AS surplus_of
        FROM (
            SELECT id, tenant,
                row_number() OVER (PARTITION BY tenant, subject ORDER BY is_left, opened_at DESC) AS of_user,
                row_number() OVER (PARTITION BY tenant ORDER BY is_left, opened_at DESC) AS of_tenant
            FROM (
                SELECT id, tenant, subject, opened_at,
                    status = 'opened' AND opened_at < ws_now() - interval '1 minute' AS is_left
                FROM transactions WHERE status IN ('opened', 'working', 'waiting', 'ready')
            ) AS opened
        ) AS ranked
        WHERE of_user > $1 OR of_tenant > $2 LIMIT $3
        """,
        per_user,
        per_tenant,
        limit,
    )
    return [Surplus(transaction_id=row["id"], tenant=row["tenant"], limit=row["surplus_of"]) for row in rows]


async def now(connection: Connection) -> datetime:
    time: datetime = await connection.fetchval("SELECT ws_now()")
    return time


async def next_rev(connection: Connection, *, tenant: str, subject: str) -> int:
    """The user's next rev, above that of an erasure.

    Its order is the order of these commits, since the row stays locked until then.
    """
    rev: int = await connection.fetchval(
        """
        INSERT INTO user_revisions AS known (tenant, subject, rev)
        VALUES ($1, $2, 1 + greatest(
            (SELECT max(rev) FROM erasures WHERE tenant = $1 AND subject = $2),
            (SELECT rev FROM rev_floors WHERE tenant = $1),
            0
        ))
        ON CONFLICT (tenant, subject) DO UPDATE SET rev = known.rev + 1 RETURNING rev
        """,
        tenant,
        subject,
    )
    return rev


async def last_rev(connection: Connection, *, tenant: str, subject: str) -> int:
    """The rev that the user was given last; who was erased goes on above that."""
    rev: int = await connection.fetchval(
        """
        SELECT greatest(
            (SELECT rev FROM user_revisions WHERE tenant = $1 AND subject = $2),
            (SELECT max(rev) FROM erasures WHERE tenant = $1 AND subject = $2),
            (SELECT rev FROM rev_floors WHERE tenant = $1),
            0
        )
        """,
        tenant,
        subject,
    )
    return rev


def _login(row: asyncpg.Record) -> Login:
    transaction = Transaction(
        id=row["id"],
        tenant=row["tenant"],
        jti=row["jti"],
        subject=row["subject"],
        status=Status(row["status"]),
        waiting_for=WaitingFor(row["waiting_for"]) if row["waiting_for"] else None,
        waiting_until=row["waiting_until"],
        version=row["version"],
        steps=_STEPS.validate_json(row["steps"]),
        metadata=MetadataOutcome(row["metadata"]) if row["metadata"] else None,
        claimed_by=row["claimed_by"],
        device=row["device"],
        language=row["language"],
        deadline=row["deadline"],
    )
    return Login(
        transaction=transaction,
        issuer=row["issuer"],
        client_id=row["client_id"],
        continue_uri=row["continue_uri"],
        settings=TenantSnapshot.from_json(row["settings"]),
        traceparent=row["traceparent"],
        ui_locales=tuple(row["ui_locales"]),
        pseudonym=row["pseudonym"],
    )
