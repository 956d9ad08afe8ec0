"""Ends logins on behalf of operators: the person starts again at the application."""

from common import audit
from common.audit import Audited
from common.db import Connection, Database
from gateway import cancelled_store, personal_store, store
from gateway.errors import ConflictError, NotFoundError
from gateway.login import Login
from gateway.logins import TRIES
from gateway.trail import entry
from gateway.transaction import Status


async def cancel(database: Database, transaction_id: str, *, reason: str, operator: str) -> Status:
    """End an open login; what is personal in it goes at once, and the audit trail says who and why.

    Args:
        database: the gateway's.
        transaction_id: the login's.
        reason: a code without spaces, such as the number of a ticket.
        operator: who it is, as their organisation knows them, likewise.

    Returns:
        How far the login was.

    Raises:
        NotFoundError: there is no such login.
        TransitionError: it is over already.
        ConflictError: it changed under our hands again and again.
    """
    for _ in range(TRIES):
        try:
            return await _try(database, transaction_id, reasons=(reason, f"by:{operator}"))
        except ConflictError:
            continue
    raise ConflictError("the login keeps changing")


async def _try(database: Database, transaction_id: str, *, reasons: tuple[str, ...]) -> Status:
    async with database.transaction() as connection:
        login = await store.enter(connection, transaction_id)
        if login is None:
            raise NotFoundError("unknown_transaction")
        was = login.transaction.status
        await end(connection, login)
        await personal_store.forget_personal(connection, login.id)
        await audit.append(connection, entry(login, Audited.LOGIN_CANCELLED, outcome=was, reasons=reasons))
    return was


async def end(connection: Connection, login: Login) -> None:
    """Cancel a login; some gateway tells of it (cancelled.py).

    Raises:
        TransitionError: it is over already.
        ConflictError: somebody else was first.
    """
    was = login.transaction
    await store.save(connection, was.cancel(), was=was.version)
    await cancelled_store.leave(connection, was)
