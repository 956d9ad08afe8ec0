"""Deletes users at rest. One function, one statement."""

from dataclasses import dataclass
from datetime import timedelta

from common.db import Connection

AT_A_LOOK = 1000


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one look found; `last` is the user that it ended with, None at the end of the tenant's."""

    deleted: int
    last: str | None


async def delete_users(
    connection: Connection, *, tenant: str, after: str, at_rest_for: timedelta, erased_for: timedelta
) -> Look:
    """Of the next users those for whom nothing is to be done, and has not been for so long, with their keys.

    What the tenant refused goes with them. Who was erased, and has not come back, is kept for `erased_for`.
    """
    row = await connection.fetchrow(
        """
        WITH seen AS MATERIALIZED (
            SELECT user_id, state, wake_at FROM users WHERE tenant = $1 AND user_id > $2
            ORDER BY user_id LIMIT $5
        ), aged AS (
            SELECT user_id, state -> 'erased' IS NOT NULL AND NOT state ? 'desired' AS is_erased, greatest(
                (state -> 'erased' ->> 'at')::timestamptz,
                (SELECT max((value ->> 'at')::timestamptz) FROM jsonb_each(state -> 'confirmed')),
                (SELECT max((value ->> 'at')::timestamptz) FROM jsonb_each(state -> 'parked'))
            ) AS at_rest_since
            FROM seen
            WHERE wake_at IS NULL AND NOT state ?| ARRAY['attempt', 'changes', 'requesters', 'unsettled']
        ), old AS (
            SELECT user_id FROM users WHERE tenant = $1 AND wake_at IS NULL AND user_id IN (
                SELECT user_id FROM aged
                WHERE at_rest_since < ws_now() - CASE WHEN is_erased THEN $4::interval ELSE $3::interval END
            )
            FOR UPDATE SKIP LOCKED
        ), gone AS (
            DELETE FROM users USING old WHERE tenant = $1 AND users.user_id = old.user_id
            RETURNING users.user_id
        ), keys AS (
            DELETE FROM data_keys USING gone WHERE tenant = $1 AND subject = gone.user_id
        )
        SELECT (SELECT count(*) FROM gone) AS deleted,
            (SELECT CASE WHEN count(*) = $5 THEN max(user_id) END FROM seen) AS last
        """,
        tenant,
        after,
        at_rest_for,
        erased_for,
        AT_A_LOOK,
    )
    return Look(deleted=row["deleted"], last=row["last"]) if row else Look(deleted=0, last=None)
