"""Finds and deletes what is older than `since`, at most `BATCH` rows. One function, one statement."""

from datetime import timedelta

from common.db import Connection
from common.retention import BATCH
from proofing.store import SELECT, verification_of
from proofing.verification import Verification


async def due_documents(connection: Connection, *, tenant: str, since: timedelta) -> list[str]:
    """Ids of verifications whose document is kept no longer, their evidence locked."""
    rows = await connection.fetch(
        """
        SELECT verification_id FROM evidence
        WHERE tenant = $1 AND NOT is_reduced
            AND (document_until < ws_now() OR stored_at < ws_now() - $2::interval)
        LIMIT $3 FOR UPDATE SKIP LOCKED
        """,
        tenant,
        since,
        BATCH,
    )
    return [row["verification_id"] for row in rows]


async def verifications(connection: Connection, *, tenant: str, ids: list[str]) -> list[Verification]:
    rows = await connection.fetch(SELECT + "WHERE tenant = $1 AND verification_id = ANY ($2)", tenant, ids)
    return [verification_of(row) for row in rows]


async def save_reduced(connection: Connection, verification: Verification, *, content: bytes) -> None:
    await connection.execute(
        "UPDATE evidence SET content = $3, is_reduced = true WHERE tenant = $1 AND verification_id = $2",
        verification.tenant,
        verification.verification_id,
        content,
    )


async def delete_evidence(connection: Connection, verification: Verification) -> None:
    await connection.execute(
        "DELETE FROM evidence WHERE tenant = $1 AND verification_id = $2",
        verification.tenant,
        verification.verification_id,
    )


async def delete_old_evidence(connection: Connection, *, tenant: str, since: timedelta) -> int:
    rows = await connection.fetch(
        """
        DELETE FROM evidence WHERE tenant = $1 AND verification_id IN (
            SELECT verification_id FROM evidence
            WHERE tenant = $1 AND (claims_until < ws_now() OR stored_at < ws_now() - $2::interval)
            LIMIT $3 FOR UPDATE SKIP LOCKED
        )
        RETURNING true
        """,
        tenant,
        since,
        BATCH,
    )
    return len(rows)


async def delete_verifications(connection: Connection, *, tenant: str, since: timedelta) -> int:
    """With their checks and what reviewers did."""
    rows = await connection.fetch(
        """
        DELETE FROM verifications WHERE tenant = $1 AND verification_id IN (
            SELECT verification_id FROM verifications
            WHERE tenant = $1 AND requested_at < ws_now() - $2::interval
            ORDER BY requested_at LIMIT $3 FOR UPDATE SKIP LOCKED
        )
        RETURNING true
        """,
        tenant,
        since,
        BATCH,
    )
    return len(rows)


async def delete_keys(connection: Connection, *, tenant: str, since: timedelta) -> int:
    """Data keys of whom there is no evidence any more; who encrypts with one keeps it."""
    rows = await connection.fetch(
        """
        DELETE FROM data_keys WHERE tenant = $1 AND subject IN (
            SELECT subject FROM data_keys AS key
            WHERE tenant = $1 AND created_at < ws_now() - $2::interval AND NOT EXISTS (
                SELECT FROM verifications AS one JOIN evidence USING (tenant, verification_id)
                WHERE one.tenant = $1 AND one.user_id = key.subject
            )
            ORDER BY created_at LIMIT $3 FOR UPDATE SKIP LOCKED
        )
        RETURNING true
        """,
        tenant,
        since,
        BATCH,
    )
    return len(rows)


async def delete_erasures(connection: Connection, *, tenant: str, since: timedelta) -> int:
    rows = await connection.fetch(
        """
        DELETE FROM erasures WHERE tenant = $1 AND user_id IN (
            SELECT user_id FROM erasures WHERE tenant = $1 AND erased_at < ws_now() - $2::interval
            LIMIT $3 FOR UPDATE SKIP LOCKED
        )
        RETURNING true
        """,
        tenant,
        since,
        BATCH,
    )
    return len(rows)
