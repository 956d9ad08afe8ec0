"""The proofing service's SQL: one function, one statement."""

from common.db import Connection
from proofing.verification import Verification


async def insert_verification(connection: Connection, verification: Verification) -> bool:
    """False if this verification is known already; nothing is written then."""
    inserted = await connection.fetchval(
        """
        INSERT INTO verifications (
            tenant, verification_id, transaction_id, user_id, step, provider, status, revision, level,
            reasons, requested_at, deadline, concluded_at
        ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
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


async def insert_evidence(connection: Connection, verification: Verification, *, content: bytes) -> None:
    """`content` is ciphertext of the vault."""
    await connection.execute(
        "INSERT INTO evidence (tenant, verification_id, content) VALUES ($1, $2, $3)",
        verification.tenant,
        verification.verification_id,
        content,
    )
