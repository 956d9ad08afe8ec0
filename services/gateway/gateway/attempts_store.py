"""How often people have tried, over all of their logins. One function, one statement."""

from datetime import timedelta

from common.db import Connection


async def count_attempt(
    connection: Connection, *, tenant: str, subject: str, step: str, window: timedelta, digest: bytes | None
) -> int:
    """Count one more attempt of this person at this step, unless the last one had this digest.

    Returns how many this window has seen.
    """
    attempts: int = await connection.fetchval(
        """
        INSERT INTO step_attempts AS counted (tenant, subject, step, window_start, attempts, last_slip)
        VALUES ($1, $2, $3, date_bin($4, ws_now(), '2000-01-01T00:00:00Z'), 1, $5)
        ON CONFLICT (tenant, subject, step, window_start) DO UPDATE SET
            attempts = counted.attempts + CASE WHEN counted.last_slip = excluded.last_slip THEN 0 ELSE 1 END,
            last_slip = excluded.last_slip
        RETURNING attempts
        """,
        tenant,
        subject,
        step,
        window,
        digest,
    )
    return attempts


async def attempts(connection: Connection, *, tenant: str, subject: str, step: str, window: timedelta) -> int:
    """How many attempts of this person at this step the window has seen that runs now."""
    attempts: int | None = await connection.fetchval(
        """
        SELECT attempts FROM step_attempts
        WHERE tenant = $1 AND subject = $2 AND step = $3
            AND window_start = date_bin($4, ws_now(), '2000-01-01T00:00:00Z')
        """,
        tenant,
        subject,
        step,
        window,
    )
    return attempts or 0
