"""Deletes what is older than `since`, at most `BATCH` rows; what somebody works on is passed over.

One function, one statement; each returns how many rows it was.
"""

from datetime import timedelta

from common.db import Connection
from common.retention import BATCH


async def forget_personal(connection: Connection, *, tenant: str, since: timedelta) -> int:
    """The personal fields of logins whose deadline has passed; their rows stay."""
    rows = await connection.fetch(
        """
        UPDATE transactions
        SET state = NULL, profile = NULL, changes = NULL, authorize = NULL, network = NULL
        WHERE tenant = $1 AND id IN (
            SELECT id FROM transactions
            WHERE tenant = $1 AND deadline < ws_now() - $2::interval
                AND (state IS NOT NULL OR profile IS NOT NULL OR changes IS NOT NULL OR authorize IS NOT NULL)
            ORDER BY deadline LIMIT $3 FOR UPDATE SKIP LOCKED
        )
        RETURNING true
        """,
        tenant,
        since,
        BATCH,
    )
    return len(rows)


async def delete_logins(connection: Connection, *, tenant: str, since: timedelta) -> int:
    rows = await connection.fetch(
        """
        DELETE FROM transactions WHERE tenant = $1 AND id IN (
            SELECT id FROM transactions WHERE tenant = $1 AND opened_at < ws_now() - $2::interval
            ORDER BY opened_at LIMIT $3 FOR UPDATE SKIP LOCKED
        )
        RETURNING true
        """,
        tenant,
        since,
        BATCH,
    )
    return len(rows)


async def delete_mails(connection: Connection, *, tenant: str, since: timedelta) -> int:
    rows = await connection.fetch(
        """
        DELETE FROM mails WHERE tenant = $1 AND id IN (
            SELECT id FROM mails WHERE tenant = $1 AND expires_at < ws_now() - $2::interval
            LIMIT $3 FOR UPDATE SKIP LOCKED
        )
        RETURNING true
        """,
        tenant,
        since,
        BATCH,
    )
    return len(rows)


async def delete_attempts(connection: Connection, *, tenant: str, since: timedelta) -> int:
    rows = await connection.fetch(
        """
        DELETE FROM step_attempts WHERE tenant = $1 AND (subject, step, window_start) IN (
            SELECT subject, step, window_start FROM step_attempts
            WHERE tenant = $1 AND window_start < ws_now() - $2::interval
            ORDER BY window_start LIMIT $3 FOR UPDATE SKIP LOCKED
        )
        RETURNING true
        """,
        tenant,
        since,
        BATCH,
    )
    return len(rows)


async def delete_results(connection: Connection, *, tenant: str, since: timedelta) -> int:
    rows = await connection.fetch(
        """
        DELETE FROM step_results WHERE tenant = $1 AND (subject, step, device) IN (
            SELECT subject, step, device FROM step_results
            WHERE tenant = $1 AND kept_at < ws_now() - $2::interval
            ORDER BY kept_at LIMIT $3 FOR UPDATE SKIP LOCKED
        )
        RETURNING true
        """,
        tenant,
        since,
        BATCH,
    )
    return len(rows)


async def delete_reviews(connection: Connection, *, tenant: str, since: timedelta) -> int:
    rows = await connection.fetch(
        """
        DELETE FROM idproof_reviews WHERE tenant = $1 AND verification_id IN (
            SELECT verification_id FROM idproof_reviews
            WHERE tenant = $1 AND promised_until < ws_now() - $2::interval
            LIMIT $3 FOR UPDATE SKIP LOCKED
        )
        RETURNING true
        """,
        tenant,
        since,
        BATCH,
    )
    return len(rows)


async def delete_receipts(connection: Connection, *, tenant: str, since: timedelta, last_too: bool) -> int:
    """With what was said in them; unless `last_too`, the last of each person stays."""
    rows = await connection.fetch(
        """
        DELETE FROM consent_receipts WHERE tenant = $1 AND id IN (
            SELECT id FROM consent_receipts AS receipt
            WHERE tenant = $1 AND given_at < ws_now() - $2::interval AND ($4 OR EXISTS (
                SELECT FROM consent_receipts AS later
                WHERE later.tenant = $1 AND later.subject = receipt.subject AND later.number > receipt.number
            ))
            ORDER BY given_at LIMIT $3 FOR UPDATE SKIP LOCKED
        )
        RETURNING true
        """,
        tenant,
        since,
        BATCH,
        last_too,
    )
    return len(rows)


async def delete_idproof_consents(connection: Connection, *, tenant: str, since: timedelta) -> int:
    rows = await connection.fetch(
        """
        DELETE FROM idproof_consents WHERE tenant = $1 AND transaction_id IN (
            SELECT transaction_id FROM idproof_consents
            WHERE tenant = $1 AND given_at < ws_now() - $2::interval
            ORDER BY given_at LIMIT $3 FOR UPDATE SKIP LOCKED
        )
        RETURNING true
        """,
        tenant,
        since,
        BATCH,
    )
    return len(rows)


async def delete_answers(connection: Connection, *, tenant: str, since: timedelta) -> int:
    rows = await connection.fetch(
        """
        DELETE FROM last_answers WHERE tenant = $1 AND (subject, step) IN (
            SELECT subject, step FROM last_answers
            WHERE tenant = $1 AND noted_at < ws_now() - $2::interval
            ORDER BY noted_at LIMIT $3 FOR UPDATE SKIP LOCKED
        )
        RETURNING true
        """,
        tenant,
        since,
        BATCH,
    )
    return len(rows)


async def delete_keys(connection: Connection, *, tenant: str, since: timedelta) -> int:
    """Data keys of whom there is no login and no mail any more; who encrypts with one keeps it."""
    rows = await connection.fetch(
        """
        DELETE FROM data_keys WHERE tenant = $1 AND subject IN (
            SELECT subject FROM data_keys AS key
            WHERE tenant = $1 AND created_at < ws_now() - $2::interval
                AND NOT EXISTS (SELECT FROM transactions WHERE tenant = $1 AND subject = key.subject)
                AND NOT EXISTS (SELECT FROM mails WHERE tenant = $1 AND subject = key.subject)
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
    """Those that all services have reported; whoever comes back then begins above the highest of them."""
    count: int = await connection.fetchval(
        """
        WITH gone AS (
            DELETE FROM erasures WHERE tenant = $1 AND id IN (
                SELECT id FROM erasures
                WHERE tenant = $1 AND erased_at < ws_now() - $2::interval
                    AND proofing_at IS NOT NULL AND metadata_sync_at IS NOT NULL
                LIMIT $3 FOR UPDATE SKIP LOCKED
            )
            RETURNING rev
        ), raised AS (
            INSERT INTO rev_floors AS known (tenant, rev) SELECT $1, max(rev) FROM gone HAVING count(*) > 0
            ON CONFLICT (tenant) DO UPDATE SET rev = greatest(known.rev, excluded.rev)
        )
        SELECT count(*) FROM gone
        """,
        tenant,
        since,
        BATCH,
    )
    return count
