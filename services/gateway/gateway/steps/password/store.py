"""Which call about a login's password runs now. One function, one statement."""

from datetime import timedelta

from common.db import Connection
from gateway.login import Login
from gateway.transaction import Status


async def begin_call(connection: Connection, login: Login, *, lasts: timedelta) -> bool | None:
    """False while another call of this login runs, None where the login asks for nothing any more.

    After `lasts` whoever began a call is taken for dead.
    """
    begun: bool | None = await connection.fetchval(
        """
        UPDATE transactions AS login SET
            password_call_until = CASE WHEN kept.is_free THEN ws_now() + $2 ELSE password_call_until END
        FROM (
            SELECT id, coalesce(password_call_until <= ws_now(), true) AS is_free
            FROM transactions WHERE id = $1 AND status = $3 FOR UPDATE
        ) AS kept
        WHERE login.id = kept.id RETURNING kept.is_free
        """,
        login.id,
        lasts,
        Status.WORKING,
    )
    return begun


async def end_call(connection: Connection, login: Login) -> None:
    await connection.execute("UPDATE transactions SET password_call_until = NULL WHERE id = $1", login.id)
