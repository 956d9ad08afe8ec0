"""What the same browser has answered in another login. One function, one statement."""

import json

from common.db import Connection
from gateway.login import Login


async def answered_in(connection: Connection, login: Login, *, step: str) -> str | None:
    """The newest other login of the person in this browser in which the step has passed and still counts.

    One that has ended is not meant: if it came to nothing, nobody wrote its answers.
    """
    transaction = login.transaction
    found: str | None = await connection.fetchval(
        """
        SELECT id FROM transactions
        WHERE tenant = $1 AND subject = $2 AND device = $3 AND id <> $4
            AND status IN ('working', 'waiting', 'ready') AND metadata IS DISTINCT FROM 'failed'
            AND steps @> $5
        ORDER BY opened_at DESC LIMIT 1
        """,
        transaction.tenant,
        transaction.subject,
        transaction.device,
        transaction.id,
        json.dumps([{"name": step, "status": "passed"}]),
    )
    return found
