"""The proofing service's SQL: one function, one statement."""

from datetime import datetime, timedelta

import asyncpg

from common.db import Connection
from common.messages import ForgetUser, VerifyIdentity
from proofing.providers.base import Check, CheckName, CheckResult, Level, Reason
from proofing.verification import Status, Verification

SELECT = """
    SELECT tenant, verification_id, transaction_id, user_id, step, provider, status, revision, level, reasons,
        requested_at, deadline, rev, concluded_at
    FROM verifications
"""


async def insert_verification(connection: Connection, verification: Verification) -> bool:
    """False if this verification is known already; nothing is written then."""
    inserted = await connection.fetchval(
        """
        INSERT INTO verifications (
            tenant, verification_id, transaction_id, user_id, step, provider, status, revision, level,
            reasons, requested_at, deadline, rev, concluded_at
        ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        ON CONFLICT DO NOTHING RETURNING true
        """,
        verification.tenant,
        verification.verification_id,
        verification.transaction_id,
        verification.user_id,
        verification.step,
        verification.provider,
        verification.status,
        verification.revision,
        verification.level,
        verification.reasons,
        verification.requested_at,
        verification.deadline,
        verification.rev,
        verification.concluded_at,
    )
    return inserted is not None


async def insert_checks(connection: Connection, verification: Verification) -> None:
    checks = verification.checks
    await connection.execute(
        """
        INSERT INTO checks (tenant, verification_id, name, result, reason, score)
        SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::text[], $6::smallint[])
        """,
        verification.tenant,
        verification.verification_id,
        [check.name for check in checks],
        [check.result for check in checks],
        [check.reason for check in checks],
        [check.score for check in checks],
    )


async def insert_evidence(
    connection: Connection,
    verification: Verification,
    *,
    content: bytes,
    document_for: timedelta,
    claims_for: timedelta,
) -> None:
    """`content` is ciphertext of the vault; how long what is in it may stay."""
    await connection.execute(
        """
        INSERT INTO evidence (tenant, verification_id, content, document_until, claims_until)
        VALUES ($1, $2, $3, ws_now() + $4, ws_now() + $5)
        """,
        verification.tenant,
        verification.verification_id,
        content,
        document_for,
        claims_for,
    )


async def find_reviews(connection: Connection, *, tenant: str | None, limit: int) -> list[Verification]:
    """What waits for a person, the oldest first."""
    rows = await connection.fetch(
        SELECT
        + """
        WHERE status = 'review' AND ($1::text IS NULL OR tenant = $1)
        ORDER BY concluded_at, verification_id LIMIT $2
        """,
        tenant,
        limit,
    )
    return [verification_of(row) for row in rows]


async def load_verification(connection: Connection, *, verification_id: str) -> Verification | None:
    """One verification, kept from changing until the transaction ends; ids are unique across tenants."""
    row = await connection.fetchrow(SELECT + "WHERE verification_id = $1 FOR UPDATE", verification_id)
    return None if row is None else verification_of(row)


async def find_approved(
    connection: Connection, command: VerifyIdentity, *, verification_id: str
) -> Verification | None:
    """An earlier verification of the same person that was approved."""
    row = await connection.fetchrow(
        SELECT
        + """
        WHERE tenant = $1 AND user_id = $2 AND verification_id = $3 AND status = 'approved'
        """,
        command.tenant,
        command.user_id,
        verification_id,
    )
    return None if row is None else verification_of(row)


async def find_of_user(connection: Connection, command: ForgetUser) -> list[Verification]:
    """All of one person."""
    rows = await connection.fetch(
        SELECT + "WHERE tenant = $1 AND user_id = $2 FOR UPDATE", command.tenant, command.user_id
    )
    return [verification_of(row) for row in rows]


async def load_checks(connection: Connection, verification: Verification) -> tuple[Check, ...]:
    rows = await connection.fetch(
        """
        SELECT name, result, reason, score FROM checks
        WHERE tenant = $1 AND verification_id = $2 ORDER BY name
        """,
        verification.tenant,
        verification.verification_id,
    )
    return tuple(
        Check(
            name=CheckName(row["name"]),
            result=CheckResult(row["result"]),
            reason=Reason(row["reason"]) if row["reason"] else None,
            score=row["score"],
        )
        for row in rows
    )


async def load_evidence(connection: Connection, verification: Verification) -> bytes | None:
    """Ciphertext of the vault."""
    content: bytes | None = await connection.fetchval(
        "SELECT content FROM evidence WHERE tenant = $1 AND verification_id = $2",
        verification.tenant,
        verification.verification_id,
    )
    return content


async def save_decision(connection: Connection, verification: Verification) -> None:
    await connection.execute(
        """
        UPDATE verifications SET status = $3, revision = $4, level = $5, reasons = $6, concluded_at = $7
        WHERE tenant = $1 AND verification_id = $2
        """,
        verification.tenant,
        verification.verification_id,
        verification.status,
        verification.revision,
        verification.level,
        verification.reasons,
        verification.concluded_at,
    )


async def save_evidence(connection: Connection, verification: Verification, *, content: bytes) -> None:
    await connection.execute(
        "UPDATE evidence SET content = $3 WHERE tenant = $1 AND verification_id = $2",
        verification.tenant,
        verification.verification_id,
        content,
    )


async def note_review(
    connection: Connection, verification: Verification, *, act: str, reviewer: str, reason: str | None = None
) -> None:
    """Who did what with a review."""
    await connection.execute(
        """
        INSERT INTO review_log (tenant, verification_id, act, reviewer, reason) VALUES ($1, $2, $3, $4, $5)
        """,
        verification.tenant,
        verification.verification_id,
        act,
        reviewer,
        reason,
    )


async def now(connection: Connection) -> datetime:
    time: datetime = await connection.fetchval("SELECT ws_now()")
    return time


def verification_of(row: asyncpg.Record) -> Verification:
    return Verification(
        **{name: row[name] for name in _AS_THEY_ARE},
        status=Status(row["status"]),
        level=Level(row["level"]),
        reasons=tuple(row["reasons"]),
    )


_AS_THEY_ARE = (
    "tenant", "verification_id", "transaction_id", "user_id", "step", "provider", "revision", "requested_at",
    "deadline", "rev", "concluded_at",
)  # fmt: skip
